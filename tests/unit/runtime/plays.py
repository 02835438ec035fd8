"""Plays: one world, one operator, and a tape of numbers that decides what happens next."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import hypothesis
import looptime
from hypothesis import strategies

from tests import builders
from tests.unit.runtime import process as processes
from tests.unit.runtime import world as worlds
from trainshed.core import observed
from trainshed.kube import errors

Kind = worlds.Kind


KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)


KINDS = tuple(Kind)


PATIENCE = 20.0
"""Seconds that a script may let go by: fewer than any deadline, so that none changes the end."""


settings = hypothesis.settings(max_examples=hypothesis.settings().max_examples // 2)
"""A play takes longer than other examples do."""


TAPES = strategies.lists(strategies.integers(0, 255), min_size=20, max_size=120)


GOOD = worlds.Fate()


FATES = {
    "succeeds": GOOD,
    "succeeds without an account": worlds.Fate(account=False),
    "fails": worlds.Fate(exit_code=1),
    "is evicted": worlds.Fate(evicted=True),
    "fits no node": worlds.Fate(placed=False),
    "can't be pulled": worlds.Fate(starts=False),
}


MAKERS: dict[str, Callable[[], processes.Maker]] = {
    "found": processes.Maker,
    "slow": functools.partial(processes.Maker, seconds=2.0),
    "down for a while": functools.partial(processes.Maker, refusals=3),
}


JOBS: dict[str, Callable[[], builders.TrainingJobBuilder]] = {
    "a model": lambda: builders.training_job().cnn(),
    "a ConfigMap": lambda: builders.training_job().config_map(),
    "a command": lambda: builders.training_job().command("true"),
    "several pods": lambda: builders.training_job().cnn().replicas(3),
}


@dataclass
class Script:
    """A tape of numbers that decides what happens next; it ends in the plainest choices."""

    tape: Sequence[int]
    kills: bool = True
    interrupts: list[Callable[[], None]] = field(default_factory=list)
    """What else may happen, once each, at any moment."""
    _at: int = 0

    @property
    def goes_on(self) -> bool:
        """Return whether there is tape left."""
        return self._at < len(self.tape)

    def choose(self, among: int) -> int:
        """Return the next choice, 0 when the tape is at its end."""
        if not self.goes_on:
            return 0
        self._at += 1
        return self.tape[self._at - 1] % among


class Play:
    """One world, one operator, and a script that drives both."""

    def __init__(
        self, script: Script, *, fate: worlds.Fate, maker: processes.Maker | None = None
    ) -> None:
        self.script = script
        clock = asyncio.get_running_loop().time
        self.world = worlds.World(clock=lambda: builders.T0 + clock(), fate=fate)
        self.process = processes.Process(self.world, maker or processes.Maker(), self._between)
        self._until = clock() + PATIENCE

    def _between(self, when: str) -> None:
        """Let things happen around a write of the operator."""
        for _ in range(self.script.choose(5)):
            match self.script.choose(8):
                case 0 | 1 | 2:
                    self.process.deliver(KINDS[self.script.choose(3)])
                case 3:
                    self._move()
                case 4 | 5:
                    self._interrupt()
                case 6 if self.script.kills:
                    raise processes.Killed
                case 7 if self.script.kills:
                    raise errors.Unavailable("no answer in time")

    def _move(self) -> None:
        moves = self.world.moves()
        if moves:
            moves[self.script.choose(len(moves))]()

    def _interrupt(self) -> None:
        if self.script.interrupts:
            self.script.interrupts.pop(0)()

    async def _step(self) -> None:
        match self.script.choose(16):
            case 0 | 1 | 2 | 3 if self.process.ready:
                await self.process.run_pass()
            case 4 | 5 | 6:
                self.process.deliver(KINDS[self.script.choose(3)])
            case 7:
                self.process.deliver_again(KINDS[self.script.choose(3)])
            case 8 | 9 | 10:
                self._move()
            case 11 | 12 if asyncio.get_running_loop().time() < self._until:
                await self.process.sleep((0.1, 0.5, 1.5)[self.script.choose(3)])
            case 13:
                self.process.relist(KINDS[self.script.choose(3)])
            case 14 if self.script.kills:
                await self.process.restart()
            case 15:
                self._interrupt()

    async def run(self) -> None:
        """Follow the script, then let everything come to its end."""
        while self.script.goes_on:
            await self._step()
        while self.script.interrupts:
            self._interrupt()
        await self.process.settle()
        assert self.world.faults == []

    async def close(self) -> None:
        """End the operator."""
        await self.process.builds.close()


def played(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine with virtual time."""

    async def main() -> None:
        await work()

    with asyncio.Runner(
        loop_factory=functools.partial(looptime.new_event_loop, noop_cycles=1)
    ) as runner:
        runner.run(main())


async def writes_nothing(play: Play) -> None:
    """Assert that further passes, and a restarted operator, find nothing to do."""
    before = play.world.writes.copy()
    play.process.wake(KEY)
    await play.process.settle()
    await play.process.restart()
    await play.process.settle()
    assert play.world.writes == before
