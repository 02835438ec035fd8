import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from trainshed.kube import errors
from trainshed.runtime import loop, workqueue
from trainshed.runtime.workqueue import Priority

pytestmark = pytest.mark.looptime

Reconcile = Callable[[str], Awaitable[loop.Result]]


class Bench:
    """Workers over a queue, and the times at which passes began."""

    def __init__(self) -> None:
        self.queue = workqueue.WorkQueue[str](random=lambda: 0.0)
        self.passes: list[tuple[str, float]] = []
        self.outcomes: list[str] = []
        self.raises: Exception | None = None
        self.result = loop.Result()
        self.seconds = 0.0

    async def reconcile(self, key: str) -> loop.Result:
        self.passes.append((key, asyncio.get_running_loop().time()))
        await asyncio.sleep(self.seconds)
        if self.raises is not None:
            raise self.raises
        return self.result

    def times(self, key: str) -> list[float]:
        return [at for each, at in self.passes if each == key]

    @contextlib.asynccontextmanager
    async def working(self, count: int = 4) -> AsyncIterator[loop.Workers[str]]:
        workers = loop.Workers(
            self.queue,
            self.reconcile,
            count=count,
            observe=lambda seconds, error: self.outcomes.append(error),
        )
        workers.start()
        try:
            yield workers
        finally:
            await workers.stop()


async def test_a_pass_can_ask_to_be_repeated() -> None:
    bench = Bench()
    bench.result = loop.Result(requeue_after=30.0)
    async with bench.working():
        bench.queue.add("a")
        await asyncio.sleep(70)
    assert bench.times("a") == [0.0, 30.0, 60.0]


async def test_a_pass_that_asks_for_nothing_is_not_repeated() -> None:
    bench = Bench()
    async with bench.working():
        bench.queue.add("a")
        await asyncio.sleep(1000)
    assert bench.times("a") == [0.0]
    assert bench.outcomes == [""]


async def test_a_crash_backs_off_and_other_keys_go_on() -> None:
    bench = Bench()
    async with bench.working():
        bench.raises = KeyError("a bug")
        bench.queue.add("a")
        await asyncio.sleep(8)
        bench.raises = None
        bench.queue.add("b")
        await asyncio.sleep(0.5)
    assert bench.times("a") == [0.0, 1.0, 3.0, 7.0]
    assert bench.times("b") == [8.0]
    assert bench.outcomes[0] == "KeyError"


async def test_a_success_ends_the_backoff() -> None:
    bench = Bench()
    async with bench.working():
        bench.raises = errors.Unavailable("down")
        bench.queue.add("a")
        await asyncio.sleep(2)
        bench.raises = None
        await asyncio.sleep(10)
        bench.raises = errors.Unavailable("down again")
        bench.queue.add("a")
        await asyncio.sleep(1.5)
    assert bench.times("a") == [0.0, 1.0, 3.0, 12.0, 13.0]


@pytest.mark.parametrize(
    ("error", "again_at"),
    [
        pytest.param(loop.Retryable("wait", after=5), 5.0, id="the pass says when"),
        pytest.param(loop.Retryable("wait"), 1.0, id="the pass says nothing"),
        pytest.param(errors.Throttled("slow", retry_after=9.0), 9.0, id="the API server says when"),
        pytest.param(errors.Conflict("stale"), 1.0, id="somebody else wrote"),
    ],
)
async def test_a_failed_pass_comes_back(error: Exception, again_at: float) -> None:
    bench = Bench()
    bench.raises = error
    async with bench.working():
        bench.queue.add("a")
        await asyncio.sleep(again_at + 0.5)
    assert bench.times("a") == [0.0, again_at]


async def test_a_pass_of_a_process_that_leads_no_more_is_dropped() -> None:
    bench = Bench()
    bench.raises = errors.FencedOff("no")
    async with bench.working():
        bench.queue.add("a")
        await asyncio.sleep(1000)
    assert bench.times("a") == [0.0]


async def test_no_more_passes_run_at_once_than_there_are_workers() -> None:
    bench = Bench()
    bench.seconds = 1.0
    async with bench.working(count=2):
        for number in range(4):
            bench.queue.add(str(number))
        await asyncio.sleep(5)
    assert [at for _, at in bench.passes] == [0.0, 0.0, 1.0, 1.0]


async def test_stopping_lets_passes_under_way_end_and_begins_no_other() -> None:
    bench = Bench()
    bench.seconds = 5.0
    async with bench.working(count=1) as workers:
        bench.queue.add("a")
        bench.queue.add("b", Priority.LOW)
        await asyncio.sleep(1)
        await workers.stop()
    assert asyncio.get_running_loop().time() == pytest.approx(5.0)
    assert [key for key, _ in bench.passes] == ["a"]
    assert bench.outcomes == [""]


async def test_stopping_cancels_what_takes_too_long() -> None:
    bench = Bench()
    bench.seconds = 1000.0
    async with bench.working() as workers:
        bench.queue.add("a")
        await asyncio.sleep(1)
        await workers.stop(grace=10.0)
    assert asyncio.get_running_loop().time() == pytest.approx(11.0)
    assert bench.queue.running() == 0


async def test_the_loops_lag_is_reported() -> None:
    lags: list[float] = []
    task = asyncio.create_task(loop.watch_lag(lags.append, period=0.25))
    await asyncio.sleep(1.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert lags == [pytest.approx(0.0, abs=0.01)] * 4
