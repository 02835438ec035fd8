"""Whatever happens in whatever order, a job comes to one end, and nothing is made twice."""

from __future__ import annotations

import asyncio
import dataclasses
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

plays = hypothesis.settings(max_examples=hypothesis.settings().max_examples // 2)
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


@plays
@hypothesis.given(
    tape=TAPES,
    fate=strategies.sampled_from(sorted(FATES)),
    maker=strategies.sampled_from(sorted(MAKERS)),
    job=strategies.sampled_from(sorted(JOBS)),
)
def test_any_interleaving_comes_to_the_same_end(
    tape: list[int], fate: str, maker: str, job: str
) -> None:
    async def work() -> None:
        play = Play(Script(tape), fate=FATES[fate], maker=MAKERS[maker]())
        uid = play.world.apply(JOBS[job]())

        await play.run()

        phase = "Succeeded" if FATES[fate].good else "Failed"
        assert play.world.status()["phase"] == phase
        assert play.world.children == {uid: 1}
        await writes_nothing(play)
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES, job=strategies.sampled_from(["a model", "a ConfigMap"]))
def test_an_image_that_cant_be_made_ends_the_job_without_a_child(tape: list[int], job: str) -> None:
    async def work() -> None:
        play = Play(Script(tape), fate=GOOD, maker=processes.Maker(terminal=True))
        play.world.apply(JOBS[job]())

        await play.run()

        assert play.world.status()["phase"] == "Failed"
        assert not play.world.children
        await writes_nothing(play)
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES)
def test_a_registry_that_stays_down_ends_the_job(tape: list[int]) -> None:
    async def work() -> None:
        play = Play(Script(tape), fate=GOOD, maker=processes.Maker(refusals=10_000))
        play.world.apply(builders.training_job().cnn())

        await play.run()

        assert play.world.status()["phase"] == "Failed"
        assert not play.world.children
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES, maker=strategies.sampled_from(["found", "slow"]))
def test_a_job_that_goes_well_takes_few_writes(tape: list[int], maker: str) -> None:
    async def work() -> None:
        play = Play(Script(tape, kills=False), fate=GOOD, maker=MAKERS[maker]())
        play.world.apply(builders.training_job().cnn())

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.writes.total() <= 16
        # A start that is silent for long may be asked about; nothing else is ever read.
        assert set(play.world.reads) <= {"events"}
        await play.close()

    played(work)


@plays
@hypothesis.given(
    tape=TAPES,
    fate=strategies.sampled_from(["succeeds", "fails"]),
    maker=strategies.sampled_from(sorted(MAKERS)),
)
def test_a_job_made_anew_under_its_old_name_runs_once(
    tape: list[int], fate: str, maker: str
) -> None:
    async def work() -> None:
        script = Script(tape)
        play = Play(script, fate=FATES[fate], maker=MAKERS[maker]())
        uids = [play.world.apply(builders.training_job().cnn())]

        def again() -> None:
            play.world.delete()
            uids.append(play.world.apply(builders.training_job().cnn()))

        script.interrupts.append(again)
        await play.run()

        phase = "Succeeded" if FATES[fate].good else "Failed"
        assert play.world.status()["phase"] == phase
        assert play.world.children[uids[1]] == 1
        assert play.world.children[uids[0]] <= 1
        (child,) = play.world.objects[Kind.JOB].values()
        assert child["metadata"]["ownerReferences"][0]["uid"] == uids[1]
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES, maker=strategies.sampled_from(sorted(MAKERS)))
def test_a_job_that_is_deleted_leaves_nothing(tape: list[int], maker: str) -> None:
    async def work() -> None:
        script = Script(tape)
        play = Play(script, fate=GOOD, maker=MAKERS[maker]())
        play.world.apply(builders.training_job().cnn())
        script.interrupts.append(play.world.delete)

        await play.run()

        assert not any(play.world.objects.values())
        assert play.process.cache.job(KEY) is None
        await play.close()

    played(work)


@plays
@hypothesis.given(
    tape=TAPES,
    fate=strategies.sampled_from(sorted(FATES)),
    index=strategies.integers(0, 2),
)
def test_several_pods_come_to_one_end_whichever_of_them_fails(
    tape: list[int], fate: str, index: int
) -> None:
    async def work() -> None:
        play = Play(Script(tape), fate=dataclasses.replace(FATES[fate], index=index))
        uid = play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))

        await play.run()

        status = play.world.status()
        assert status["phase"] == ("Succeeded" if FATES[fate].good else "Failed")
        assert play.world.children == {uid: 1}
        assert len(play.world.services) == 1
        if fate in ("fails", "is evicted"):
            assert status["failure"]["rank"] == index
        await writes_nothing(play)
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES)
def test_several_pods_that_go_well_take_few_writes(tape: list[int]) -> None:
    async def work() -> None:
        play = Play(Script(tape, kills=False), fate=GOOD)
        play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.writes.total() <= 16
        await play.close()

    played(work)


@plays
@hypothesis.given(tape=TAPES)
def test_a_service_goes_with_its_job(tape: list[int]) -> None:
    async def work() -> None:
        script = Script(tape)
        play = Play(script, fate=GOOD)
        play.world.apply(builders.training_job().cnn().training(batchSize=63).replicas(3))
        script.interrupts.append(play.world.delete)

        await play.run()

        assert not any(play.world.objects.values())
        assert not play.world.services
        await play.close()

    played(work)
