"""Checkpoints: whole or not at all, and the last ones stay."""

from __future__ import annotations

import errno
import pathlib
import resource
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from images.trainer.tests import keepers
from trainshed_trainer import errors, schema
from trainshed_trainer.training import checkpoints
from trainshed_trainer.training.checkpoints import sealing, stores


def test_a_run_goes_on_from_the_last_checkpoint(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, 12)

    assert keepers.keeper(tmp_path).resume() == checkpoints.Resumed(12, 1.2, keepers.STATE)


def test_a_folder_may_be_given_as_a_uri(tmp_path: pathlib.Path) -> None:
    with keepers.keeper(f"file://{tmp_path}/deep/run") as keeping:
        keeping.save(7, keepers.STATE, seconds=1)

    assert keepers.names(tmp_path / "deep" / "run") == ["step-00000007"]


def test_without_a_checkpoint_a_run_begins_anew(tmp_path: pathlib.Path) -> None:
    assert keepers.keeper(tmp_path / "not-yet").resume() is None


def test_who_asks_for_it_always_begins_anew(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7)

    assert keepers.keeper(tmp_path, resume="never").resume() is None


def test_only_the_last_ones_stay(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 1, 2, 3, 4, keep=3)

    assert keepers.names(tmp_path) == ["step-00000002", "step-00000003", "step-00000004"]


def test_those_of_the_attempt_before_are_counted_among_the_last(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 1, 2)

    with keepers.keeper(tmp_path) as keeping:
        keeping.resume()
        keeping.save(3, keepers.STATE, seconds=1)

    assert keepers.names(tmp_path) == ["step-00000002", "step-00000003"]


def test_those_that_a_new_run_did_not_go_on_from_do_not_outlive_its_first(
    tmp_path: pathlib.Path,
) -> None:
    keepers.written(tmp_path, 50, 60)

    with keepers.keeper(tmp_path, resume="never") as keeping:
        assert keeping.resume() is None
        keeping.save(3, keepers.STATE, seconds=1)

    assert keepers.names(tmp_path) == ["step-00000003"]


def test_one_is_told_of_once_it_is_whole(tmp_path: pathlib.Path) -> None:
    told: list[int] = []
    with keepers.keeper(tmp_path) as keeping:
        keeping.save(5, keepers.STATE, seconds=1, then=told.append)

    assert told == [5]


def test_it_is_due_by_time(tmp_path: pathlib.Path) -> None:
    times = iter([0.0, 59.0, 60.0, 61.0, 62.0])
    asked = schema.Checkpoint(every_seconds=60)
    keeping = checkpoints.Keeper(
        stores.Folder(str(tmp_path)), asked, keepers.identity(), clock=lambda: next(times)
    )

    with keeping:
        dues = [keeping.due(), keeping.due()]
        keeping.save(1, keepers.STATE, seconds=1)
        dues.append(keeping.due())

    assert dues == [False, True, False]


def test_only_the_process_that_writes_finds_it_due(tmp_path: pathlib.Path) -> None:
    asked = schema.Checkpoint(every_seconds=1)
    keeping = checkpoints.Keeper(
        stores.Folder(str(tmp_path)), asked, keepers.identity(), writes=False, clock=lambda: 0.0
    )

    assert not keeping.due()
    assert keepers.names(tmp_path) == []


def test_what_was_never_finished_is_tidied_up(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 1)
    (tmp_path / ".step-00000002.77").mkdir()
    (tmp_path / "of-somebody-else").mkdir()

    with keepers.keeper(tmp_path):
        pass

    assert keepers.names(tmp_path) == ["of-somebody-else", "step-00000001"]


class Full(stores.Folder):
    """A volume that is full once there is a file."""

    def write(self, step: int, files: Mapping[str, bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_volume_ends_the_run_and_says_what_to_do(tmp_path: pathlib.Path) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), keepers.identity())
    with (
        pytest.raises(errors.CheckpointError, match="give the volume more room") as raised,
        keeping,
    ):
        keeping.save(1, keepers.STATE, seconds=1)

    assert (raised.value.reason, raised.value.failure_class) == ("CheckpointVolumeFull", "Data")


def test_a_volume_that_takes_a_folder_and_no_bytes_is_told_of_before_anything_is_trained(
    tmp_path: pathlib.Path,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with (
            pytest.raises(errors.CheckpointError, match="can't be written"),
            keepers.keeper(tmp_path),
        ):
            pytest.fail("the training began")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert keepers.names(tmp_path) == []


class ReadOnly(stores.Folder):
    """A volume that is mounted to be read alone."""

    def prepare(self) -> None:
        raise OSError(errno.EROFS, "Read-only file system")


def test_a_volume_that_is_only_to_be_read_is_called_so(tmp_path: pathlib.Path) -> None:
    keeping = checkpoints.Keeper(ReadOnly(str(tmp_path)), schema.Checkpoint(), keepers.identity())
    with pytest.raises(errors.CheckpointError, match="mounted read-only") as raised, keeping:
        pass

    assert raised.value.reason == "CheckpointNotWritable"
    assert "fsGroup" not in str(raised.value), "which group it is for is another matter"


def test_what_fails_in_the_background_is_raised_before_the_next_step(
    tmp_path: pathlib.Path,
) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), keepers.identity())
    keeping.save(1, keepers.STATE, seconds=1)
    with pytest.raises(errors.CheckpointError):
        keeping.save(2, keepers.STATE, seconds=1)

    with pytest.raises(errors.CheckpointError):
        keeping.due()


def test_a_write_that_fails_in_the_middle_leaves_nothing(tmp_path: pathlib.Path) -> None:
    store = stores.Folder(str(tmp_path))

    with pytest.raises(OSError, match="No such file"):
        store.write(3, {"model": b"1", "no/such/folder": b"2"})

    assert keepers.names(tmp_path) == []


class Killed(BaseException):
    """The process ends here, with nothing tidied up."""


def test_one_of_the_same_step_is_replaced_as_a_whole(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(folder: pathlib.Path, **_: Any) -> None:
        if folder.exists():
            sorted(folder.iterdir())[0].unlink()
            raise Killed

    keepers.written(tmp_path, 7)
    store = stores.Folder(str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", cut_short)
        with pytest.raises(Killed):
            store.write(
                7, sealing.seal(sealing.Sealed(7, 9.9, keepers.identity().values, keepers.STATE))
            )

    assert keepers.keeper(tmp_path).resume() == checkpoints.Resumed(7, 9.9, keepers.STATE)
    with keepers.keeper(tmp_path):
        assert keepers.names(tmp_path) == ["step-00000007"], "what was never finished is tidied up"


def test_a_place_that_is_no_folder_says_what_to_do(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(errors.CheckpointError, match="make it writable") as raised,
        keepers.keeper(tmp_path / "file"),
    ):
        pass

    assert raised.value.reason == "CheckpointNotWritable"


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_volume(tmp_path: pathlib.Path) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), keepers.identity())

    def fail() -> None:
        with keeping:
            keeping.save(1, keepers.STATE, seconds=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
