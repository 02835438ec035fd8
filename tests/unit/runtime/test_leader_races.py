"""Whatever the weather, no two candidates lead at once."""

import asyncio
import random

import hypothesis
import looptime
from hypothesis import strategies

from tests.unit.kube.store import Store
from tests.unit.runtime.electors import elector, stopped
from trainshed.kube import errors
from trainshed.kube.kinds import Kind
from trainshed.runtime import leader


class Campaign:
    """Candidates in bad weather: late, lost and half-lost requests, crashes and releases."""

    def __init__(self, chance: random.Random, *, candidates: int, trouble: float, slowest: float):
        self._chance = chance
        self._trouble = trouble
        self._slowest = slowest
        self.most = 0
        self.store = Store()
        # Before a request's effect, and after it: an answer can be late or lost as well.
        self.store.before = self.store.after = self._weather
        self.electors = [
            elector(self.store, str(number), wall=chance.uniform(0, 2e9))
            for number in range(candidates)
        ]

    async def _weather(self, verb: str, kind: Kind | None) -> None:
        self.check()
        await asyncio.sleep(self._chance.random() ** 4 * self._slowest)
        self.check()
        if self._chance.random() < self._trouble / 2:
            raise errors.Unavailable("lost")

    def check(self) -> None:
        leaders = sum(each.is_leader() for each in self.electors)
        self.most = max(self.most, leaders)

    async def run(self, subject: leader.Elector) -> None:
        while True:
            await subject.acquire()
            self.check()
            keeping = asyncio.create_task(subject.keep())
            await asyncio.wait({keeping}, timeout=self._chance.uniform(0, 90))
            await stopped(keeping)
            if self._chance.random() < 0.5:
                await subject.release()
            else:
                await asyncio.sleep(40)  # crashed, and silent for longer than its lease


# Minutes go by in each.
@hypothesis.settings(max_examples=hypothesis.settings().max_examples // 2)
@hypothesis.given(
    seed=strategies.integers(0, 2**32),
    trouble=strategies.floats(0.0, 0.9),
    slowest=strategies.floats(0.0, 30.0),
    candidates=strategies.integers(2, 4),
)
def test_there_are_never_two_leaders(
    seed: int, trouble: float, slowest: float, candidates: int
) -> None:
    async def scenario() -> None:
        race = Campaign(
            random.Random(seed), candidates=candidates, trouble=trouble, slowest=slowest
        )
        tasks = [asyncio.create_task(race.run(each)) for each in race.electors]
        await asyncio.sleep(300)
        for task in tasks:
            await stopped(task)
        assert race.most <= 1

    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=1)) as runner:
        runner.run(scenario())
