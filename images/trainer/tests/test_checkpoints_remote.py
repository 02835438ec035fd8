"""Checkpoints in object storage, by fsspec: what has no `meta.json` is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trainshed_trainer.training.checkpoints import stores

pytestmark = pytest.mark.torch  # fsspec comes with it

FILES = {"model": b"weights", "meta.json": b"{}"}


@pytest.fixture
def store() -> Iterator[stores.Store]:
    import fsspec

    yield stores.at("memory://bucket/run")
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


def test_what_is_written_is_read_and_removed(store: stores.Store) -> None:
    store.prepare()
    assert store.steps() == []
    for step in (12, 7):
        store.write(step, FILES)

    assert store.steps() == [7, 12]
    assert store.read(12) == FILES
    store.remove(7)
    assert store.steps() == [12]


def test_one_that_was_never_finished_is_none(store: stores.Store) -> None:
    import fsspec

    files: Any = fsspec.filesystem("memory")
    store.write(7, FILES)
    files.pipe_file("/bucket/run/step-00000012/model", b"wei")

    assert store.steps() == [7]


class Killed(BaseException):
    """The process ends here."""


class CutShort(dict[str, bytes]):
    """Files of which one can't be written any more."""

    def __getitem__(self, name: str) -> bytes:
        if name == "optimizer":
            raise Killed
        return super().__getitem__(name)


def test_one_that_replaces_another_is_never_a_mixture(store: stores.Store) -> None:
    store.write(3, FILES)
    store.write(7, FILES)

    with pytest.raises(Killed):
        store.write(7, CutShort({**FILES, "optimizer": b"", "model": b"new"}))

    assert store.steps() == [3]
    store.write(7, FILES)
    assert store.read(7) == FILES
