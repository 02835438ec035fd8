"""When a checkpoint is written and which ones stay, and from which one a run goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from trainshed_trainer import errors, schema
from trainshed_trainer.training.checkpoints import identities, refusals, sealing, stores


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a run goes on from. `step`: 0 where only weights are taken over."""

    step: int
    seconds: float
    state: Mapping[str, bytes]
    loss: float | None = None


class Keeper:
    """Keeps the last checkpoints of a run. They are written while the training goes on."""

    def __init__(
        self,
        store: stores.Store,
        asked: schema.Checkpoint,
        identity: identities.Identity,
        *,
        writes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`writes`: whether this process is the one that writes for the job."""
        self.writes = writes
        self._store = store
        self._asked = asked
        self._identity = identity
        self._clock = clock
        self._next = clock() + asked.every_seconds
        self._steps: list[int] = []
        self._writing: threading.Thread | None = None
        self._failed: Exception | None = None

    def __enter__(self) -> Self:
        """Make sure that checkpoints can be written, before anything is trained in vain."""
        if self.writes:
            with refusals.writing(self._store.place):
                self._store.prepare()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait until what was begun is written."""
        self._join()
        if kind is None:
            self._check()

    def resume(self, led: Callable[[int], int] = lambda number: number) -> Resumed | None:
        """Return what the run goes on from; None where it begins anew.

        `led`: returns the first process's number in all. Each lists by itself, and what one finds
        another may not, or no longer.
        """
        if self._asked.resume == "auto":
            steps = _steps(self._store)
            if last := led(max(steps, default=0)):
                found = self._read(self._store, last, steps, weights_only=False)
                self._steps = steps
                return Resumed(found.step, found.seconds, found.state, found.loss)
        if self._asked.from_ is None:
            return None
        with refusals.reading(f"checkpoint.from, {self._asked.from_},", self._asked.from_):
            other = stores.at(self._asked.from_)
        steps = _steps(other)
        if not (last := led(max(steps, default=0))):
            raise errors.CheckpointError(
                f"there is no checkpoint in {other.place}: name another place in checkpoint.from",
                reason="CheckpointNotFound",
            )
        weights = self._read(other, last, steps, weights_only=True).state
        return Resumed(0, 0.0, {"model": weights["model"]})

    def due(self) -> bool:
        """Return whether it is time for the next one; raises where the last one failed."""
        if self._failed is not None:
            self._check()
        return self.writes and self._clock() >= self._next

    def save(
        self,
        step: int,
        state: Mapping[str, bytes],
        *,
        seconds: float,
        loss: float | None = None,
        then: Callable[[int], None] = lambda step: None,
    ) -> None:
        """Begin to write a checkpoint; waits for the one before. `then`: told when it is whole."""
        self._join()
        self._check()
        self._next = self._clock() + self._asked.every_seconds
        content = sealing.Sealed(step, seconds, self._identity.values, state, loss)
        self._writing = threading.Thread(
            target=self._write, args=(content, then), name="trainshed-checkpoint"
        )
        self._writing.start()

    def _write(self, content: sealing.Sealed, then: Callable[[int], None]) -> None:
        try:
            self._store.write(content.step, sealing.seal(content))
            self._steps = [*(each for each in self._steps if each != content.step), content.step]
            self._steps = self._steps[-self._asked.keep :]
            then(content.step)
            # What an earlier run that is not gone on with has left is no longer the last.
            for each in set(self._store.steps()) - set(self._steps):
                self._store.remove(each)
        except Exception as error:  # the training's own thread raises it
            self._failed = error

    def _join(self) -> None:
        if self._writing is not None:
            self._writing.join()
            self._writing = None

    def _check(self) -> None:
        if self._failed is not None:
            raise refusals.unwritable(self._store.place, self._failed) from self._failed

    def _read(
        self, store: stores.Store, step: int, steps: list[int], *, weights_only: bool
    ) -> sealing.Sealed:
        name = f"the checkpoint {stores.name_of(step)} in {store.place}"
        with refusals.reading(name, store.place):
            files = store.read(step)
        try:
            found = sealing.opened(files)
        except sealing.Damaged as error:
            before = [each for each in steps if each < step]
            older = f"step {before[-1]}" if before else "the start"
            raise errors.CheckpointError(
                f"{name} is damaged: {error}: delete it to go on from {older}",
                reason="CheckpointDamaged",
            ) from error
        differences = self._identity.differences(found.identity, weights_only=weights_only)
        if differences:
            todo = "checkpoint.from" if weights_only else "the checkpoint's volume"
            raise errors.CheckpointError(
                f"{name} is of another run: {'; '.join(differences)}: name another place in"
                f" {todo}" + ("" if weights_only else ", or set checkpoint.resume to never"),
                reason="CheckpointMismatch",
            )
        return found


def open(
    asked: schema.Checkpoint, place: str, identity: identities.Identity, *, writes: bool
) -> Keeper:
    """Return what keeps the checkpoints of a run at a path or URI."""
    if not place:
        raise errors.ConfigurationError(
            "checkpoint is set, but TRAINSHED_CHECKPOINT_DIR names no place to write to: set it to"
            " a folder or a URI",
            reason="CheckpointPlaceMissing",
        )
    with refusals.writing(place):
        store = stores.at(place)
    return Keeper(store, asked, identity, writes=writes)


def _steps(store: stores.Store) -> list[int]:
    with refusals.reading(f"the list of checkpoints in {store.place}", store.place):
        return store.steps()
