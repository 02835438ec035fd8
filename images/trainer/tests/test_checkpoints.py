"""Checkpoints: whole or not at all, the last ones stay, and only the same run goes on."""

from __future__ import annotations

import errno
import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from images.trainer.tests import datasets
from trainshed_trainer import errors, schema
from trainshed_trainer.training import checkpoints
from trainshed_trainer.training.checkpoints import sealing, stores

STATE = {"model": b"weights" * 100, "optimizer": b"moments", "random": b"dice"}
DATA = datasets.images()


FOLDER = {"data": {"folder": {"path": "/data/roses"}}}


def data(**fields: Any) -> dict[str, Any]:
    return {"data": {"name": "digits", **fields}}


def identity(**spec: Any) -> checkpoints.Identity:
    return checkpoints.identify(schema.read(spec), DATA)


def keeper(place: pathlib.Path | str, *, of: Any = None, **asked: Any) -> checkpoints.Keeper:
    found = schema.read({"checkpoint": asked}).checkpoint
    assert found is not None
    return checkpoints.open(found, str(place), of or identity(), writes=True)


def written(place: pathlib.Path, *steps: int, of: Any = None, **asked: Any) -> None:
    with keeper(place, of=of, **asked) as keeping:
        for step in steps:
            keeping.save(step, STATE, seconds=step / 10)


def names(place: pathlib.Path) -> list[str]:
    return sorted(each.name for each in place.iterdir())


def test_a_run_goes_on_from_the_last_checkpoint(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 7, 12)

    assert keeper(tmp_path).resume() == checkpoints.Resumed(12, 1.2, STATE)


def test_a_folder_may_be_given_as_a_uri(tmp_path: pathlib.Path) -> None:
    with keeper(f"file://{tmp_path}/deep/run") as keeping:
        keeping.save(7, STATE, seconds=1)

    assert names(tmp_path / "deep" / "run") == ["step-00000007"]


def test_without_a_checkpoint_a_run_begins_anew(tmp_path: pathlib.Path) -> None:
    assert keeper(tmp_path / "not-yet").resume() is None


def test_who_asks_for_it_always_begins_anew(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 7)

    assert keeper(tmp_path, resume="never").resume() is None


def test_only_the_last_ones_stay(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 1, 2, 3, 4, keep=3)

    assert names(tmp_path) == ["step-00000002", "step-00000003", "step-00000004"]


def test_those_of_the_attempt_before_are_counted_among_the_last(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 1, 2)

    with keeper(tmp_path) as keeping:
        keeping.resume()
        keeping.save(3, STATE, seconds=1)

    assert names(tmp_path) == ["step-00000002", "step-00000003"]


def test_those_that_a_new_run_did_not_go_on_from_do_not_outlive_its_first(
    tmp_path: pathlib.Path,
) -> None:
    written(tmp_path, 50, 60)

    with keeper(tmp_path, resume="never") as keeping:
        assert keeping.resume() is None
        keeping.save(3, STATE, seconds=1)

    assert names(tmp_path) == ["step-00000003"]


def test_one_is_told_of_once_it_is_whole(tmp_path: pathlib.Path) -> None:
    told: list[int] = []
    with keeper(tmp_path) as keeping:
        keeping.save(5, STATE, seconds=1, then=told.append)

    assert told == [5]


def test_it_is_due_by_time(tmp_path: pathlib.Path) -> None:
    times = iter([0.0, 59.0, 60.0, 61.0, 62.0])
    asked = schema.Checkpoint(every_seconds=60)
    keeping = checkpoints.Keeper(
        stores.Folder(str(tmp_path)), asked, identity(), clock=lambda: next(times)
    )

    with keeping:
        dues = [keeping.due(), keeping.due()]
        keeping.save(1, STATE, seconds=1)
        dues.append(keeping.due())

    assert dues == [False, True, False]


def test_only_the_process_that_writes_finds_it_due(tmp_path: pathlib.Path) -> None:
    asked = schema.Checkpoint(every_seconds=1)
    keeping = checkpoints.Keeper(
        stores.Folder(str(tmp_path)), asked, identity(), writes=False, clock=lambda: 0.0
    )

    assert not keeping.due()
    assert names(tmp_path) == []


def test_what_was_never_finished_is_tidied_up(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 1)
    (tmp_path / ".step-00000002.77").mkdir()
    (tmp_path / "of-somebody-else").mkdir()

    with keeper(tmp_path):
        pass

    assert names(tmp_path) == ["of-somebody-else", "step-00000001"]


class Full(stores.Folder):
    """A volume that is full once there is a file."""

    def write(self, step: int, files: Mapping[str, bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_volume_ends_the_run_and_says_what_to_do(tmp_path: pathlib.Path) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), identity())
    with (
        pytest.raises(errors.CheckpointError, match="give the volume more room") as raised,
        keeping,
    ):
        keeping.save(1, STATE, seconds=1)

    assert (raised.value.reason, raised.value.failure_class) == ("CheckpointVolumeFull", "Data")


def test_what_fails_in_the_background_is_raised_before_the_next_step(
    tmp_path: pathlib.Path,
) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), identity())
    keeping.save(1, STATE, seconds=1)
    with pytest.raises(errors.CheckpointError):
        keeping.save(2, STATE, seconds=1)

    with pytest.raises(errors.CheckpointError):
        keeping.due()


def test_a_write_that_fails_in_the_middle_leaves_nothing(tmp_path: pathlib.Path) -> None:
    store = stores.Folder(str(tmp_path))

    with pytest.raises(OSError, match="No such file"):
        store.write(3, {"model": b"1", "no/such/folder": b"2"})

    assert names(tmp_path) == []


class Killed(BaseException):
    """The process ends here, with nothing tidied up."""


def test_one_of_the_same_step_is_replaced_as_a_whole(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(folder: pathlib.Path, **_: Any) -> None:
        if folder.exists():
            sorted(folder.iterdir())[0].unlink()
            raise Killed

    written(tmp_path, 7)
    store = stores.Folder(str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", cut_short)
        with pytest.raises(Killed):
            store.write(7, sealing.seal(sealing.Sealed(7, 9.9, identity().values, STATE)))

    assert keeper(tmp_path).resume() == checkpoints.Resumed(7, 9.9, STATE)
    with keeper(tmp_path):
        assert names(tmp_path) == ["step-00000007"], "what was never finished is tidied up"


def test_a_place_that_is_no_folder_says_what_to_do(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(errors.CheckpointError, match="make it writable") as raised,
        keeper(tmp_path / "file"),
    ):
        pass

    assert raised.value.reason == "CheckpointNotWritable"


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_volume(tmp_path: pathlib.Path) -> None:
    keeping = checkpoints.Keeper(Full(str(tmp_path)), schema.Checkpoint(), identity())

    def fail() -> None:
        with keeping:
            keeping.save(1, STATE, seconds=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def truncate(folder: pathlib.Path) -> None:
    (folder / "model").write_bytes(STATE["model"][:10])


def lose(folder: pathlib.Path) -> None:
    (folder / "model").unlink()


def alter(folder: pathlib.Path) -> None:
    (folder / "model").write_bytes(STATE["model"].upper())


def cut_meta(folder: pathlib.Path) -> None:
    (folder / "meta.json").write_text('{"version": 1, "st')


def unseal(folder: pathlib.Path) -> None:
    (folder / "meta.json").unlink()


def renew(folder: pathlib.Path) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "version": 2}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncate, "its file model is not what was written \\(10 bytes of 700\\)"),
        (lose, "its file model is missing"),
        (alter, "its file model is not what was written"),
        (cut_meta, "its meta.json can't be read"),
        (unseal, "its meta.json can't be read"),
        (renew, "it has version 2"),
    ],
)
def test_a_damaged_one_is_refused_and_left_as_it_is(
    tmp_path: pathlib.Path, damage: Any, said: str
) -> None:
    written(tmp_path, 7, 12)
    damage(tmp_path / "step-00000012")

    with pytest.raises(errors.CheckpointError, match=said) as raised:
        keeper(tmp_path).resume()

    assert raised.value.reason == "CheckpointDamaged"
    assert "step-00000012" in str(raised.value)
    assert "delete it to go on from step 7" in str(raised.value)
    assert names(tmp_path) == ["step-00000007", "step-00000012"]


def test_the_first_process_decides_which_one_all_go_on_from(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 7, 12)

    found = keeper(tmp_path).resume(lambda own: 7)
    begun = keeper(tmp_path).resume(lambda own: 0)

    assert found is not None
    assert (found.step, begun) == (7, None)


def test_one_that_only_the_first_process_sees_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.CheckpointError, match="step-00000012") as raised:
        keeper(tmp_path).resume(lambda own: 12)

    assert raised.value.reason == "CheckpointUnreadable"


class Broken(stores.Folder):
    """A volume whose files can't be read, as of a disk with faults."""

    def read(self, step: int) -> dict[str, bytes]:
        raise OSError(errno.EIO, "Input/output error")


def test_one_that_cannot_be_read_now_is_not_called_damaged(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 7, 12)
    keeping = checkpoints.Keeper(Broken(str(tmp_path)), schema.Checkpoint(), identity())

    with pytest.raises(errors.CheckpointError, match=r"step-00000012.*Input/output") as raised:
        keeping.resume()

    assert (raised.value.reason, raised.value.failure_class) == ("CheckpointUnreadable", "Data")
    assert "see that the volume is sound" in str(raised.value)
    assert "delete" not in str(raised.value)


@pytest.mark.parametrize("asked", [{}, {"from": "elsewhere"}], ids=["its own", "another run's"])
def test_a_place_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    tmp_path: pathlib.Path, asked: dict[str, str]
) -> None:
    """A file is no folder; a folder of another user refuses just so, but not root's tests."""
    place = tmp_path / "elsewhere"
    place.write_text("")
    asked = {name: str(place) for name in asked}

    with pytest.raises(errors.CheckpointError, match="can't be read") as raised:
        keeper(tmp_path / "own" if asked else place, **asked).resume()

    assert raised.value.reason == "CheckpointUnreadable"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"model": {"name": "lstm"}}, 'model.name is "cnn" there and "lstm" here'),
        ({"model": {"params": {"hidden": 64}}}, "model.params is"),
        ({"framework": "tensorflow"}, 'framework is "pytorch" there and "tensorflow" here'),
        ({"training": {"batchSize": 32}}, "training.batchSize is 64 there and 32 here"),
        ({"training": {"optimizer": {"name": "sgd"}}}, "training.optimizer.name is"),
        ({"training": {"optimizer": {"learningRate": 1}}}, "optimizer.learningRate is 0.002 there"),
        ({"training": {"optimizer": {"clipNorm": 1}}}, "training.optimizer.clipNorm is null there"),
        ({"training": {"loss": {"name": "focal"}}}, 'training.loss.name is "crossEntropy" there'),
        ({"training": {"precision": "bf16"}}, 'training.precision is "auto" there and "bf16" here'),
        (data(split={"seed": 1}), "data.split.seed is 0 there and 1"),
        (data(split={"validation": 0.3}), "data.split.validation is 0.2 there and 0.3 here"),
        (data(preprocess={"resize": [16, 16]}), "data.preprocess.resize is null there and "),
        (data(preprocess={"normalize": "none"}), 'data.preprocess.normalize is "standard" there'),
        (data(preprocess={"augment": ["crop"]}), "data.preprocess.augment is "),
        (FOLDER, 'data.name is "digits" there and null here; data.folder.path is null there'),
    ],
    ids=str,
)
def test_one_of_another_run_is_refused(
    tmp_path: pathlib.Path, spec: dict[str, Any], said: str
) -> None:
    written(tmp_path, 7)

    with pytest.raises(errors.CheckpointError, match=said) as raised:
        keeper(tmp_path, of=identity(**spec)).resume()

    assert raised.value.reason == "CheckpointMismatch"


def test_the_same_samples_from_another_folder_are_another_run(tmp_path: pathlib.Path) -> None:
    written(tmp_path, 7, of=identity(**FOLDER))
    other = {"data": {"folder": {"path": "/data/tulips"}}}

    said = 'data.folder.path is "/data/roses" there and "/data/tulips" here: name another place'
    with pytest.raises(errors.CheckpointError, match=said):
        keeper(tmp_path, of=identity(**other)).resume()


@pytest.mark.parametrize(
    "spec",
    [
        {"training": {"maxSteps": 9}},
        {"training": {"target": {"value": 0.9}}},
        {"training": {"compile": "always"}},
        {"checkpoint": {"keep": 5, "everySeconds": 1}},
        {"visualization": {"tensorboard": {"enabled": True}}},
        data(maxCorrupt=3, cacheBytes=10),
    ],
    ids=str,
)
def test_what_makes_no_other_run_may_change(tmp_path: pathlib.Path, spec: dict[str, Any]) -> None:
    written(tmp_path, 7)

    assert keeper(tmp_path, of=identity(**spec)).resume() is not None


@pytest.mark.parametrize(
    "spec",
    [
        {"training": {"batchSize": 32, "optimizer": {"learningRate": 1e-4}}},
        {"training": {"loss": {"name": "focal"}}},
        FOLDER,
        data(preprocess={"augment": ["crop"]}),
    ],
    ids=str,
)
def test_another_run_begins_with_the_weights_alone(
    tmp_path: pathlib.Path, spec: dict[str, Any]
) -> None:
    written(tmp_path / "one", 7, 12)

    asked = {"of": identity(**spec), "from": str(tmp_path / "one")}
    found = keeper(tmp_path / "two", **asked).resume()
    assert found == checkpoints.Resumed(0, 0.0, {"model": STATE["model"]})


def test_its_own_checkpoints_win_over_those_of_another_run(tmp_path: pathlib.Path) -> None:
    written(tmp_path / "one", 7)
    written(tmp_path / "two", 9)

    found = keeper(tmp_path / "two", **{"from": str(tmp_path / "one")}).resume()

    assert found == checkpoints.Resumed(9, 0.9, STATE)


def test_weights_of_another_model_are_refused(tmp_path: pathlib.Path) -> None:
    written(tmp_path / "one", 7)

    asked = {"from": str(tmp_path / "one")}
    with pytest.raises(errors.CheckpointError, match=r"another place in checkpoint\.from"):
        keeper(tmp_path / "two", of=identity(model={"name": "lstm"}), **asked).resume()


def test_a_place_without_checkpoints_is_nothing_to_begin_with(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.CheckpointError, match="there is no checkpoint in") as raised:
        keeper(tmp_path, **{"from": str(tmp_path / "nowhere")}).resume()

    assert raised.value.reason == "CheckpointNotFound"


def test_without_a_place_nothing_can_be_kept() -> None:
    with pytest.raises(errors.ConfigurationError, match="TRAINSHED_CHECKPOINT_DIR"):
        keeper("")
