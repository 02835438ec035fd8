"""Checkpoints that can't be read: damaged, or out of reach."""

from __future__ import annotations

import errno
import json
import pathlib
from typing import Any

import pytest

from images.trainer.tests import keepers
from trainshed_trainer import errors, schema
from trainshed_trainer.training import checkpoints
from trainshed_trainer.training.checkpoints import stores


def truncate(folder: pathlib.Path) -> None:
    (folder / "model").write_bytes(keepers.STATE["model"][:10])


def lose(folder: pathlib.Path) -> None:
    (folder / "model").unlink()


def alter(folder: pathlib.Path) -> None:
    (folder / "model").write_bytes(keepers.STATE["model"].upper())


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
    keepers.written(tmp_path, 7, 12)
    damage(tmp_path / "step-00000012")

    with pytest.raises(errors.CheckpointError, match=said) as raised:
        keepers.keeper(tmp_path).resume()

    assert raised.value.reason == "CheckpointDamaged"
    assert "step-00000012" in str(raised.value)
    assert "delete it to go on from step 7" in str(raised.value)
    assert keepers.names(tmp_path) == ["step-00000007", "step-00000012"]


def test_the_first_process_decides_which_one_all_go_on_from(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, 12)

    found = keepers.keeper(tmp_path).resume(lambda own: 7)
    begun = keepers.keeper(tmp_path).resume(lambda own: 0)

    assert found is not None
    assert (found.step, begun) == (7, None)


def test_one_that_only_the_first_process_sees_is_named(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.CheckpointError, match="step-00000012") as raised:
        keepers.keeper(tmp_path).resume(lambda own: 12)

    assert raised.value.reason == "CheckpointUnreadable"


class Broken(stores.Folder):
    """A volume whose files can't be read, as of a disk with faults."""

    def read(self, step: int) -> dict[str, bytes]:
        raise OSError(errno.EIO, "Input/output error")


def test_one_that_cannot_be_read_now_is_not_called_damaged(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, 12)
    keeping = checkpoints.Keeper(Broken(str(tmp_path)), schema.Checkpoint(), keepers.identity())

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
        keepers.keeper(tmp_path / "own" if asked else place, **asked).resume()

    assert raised.value.reason == "CheckpointUnreadable"
