import asyncio
from collections import Counter

import hypothesis
import looptime
import pytest
from hypothesis import strategies

from trainshed.runtime import workqueue
from trainshed.runtime.workqueue import Priority, WorkQueue

pytestmark = pytest.mark.looptime


def queue() -> WorkQueue[str]:
    return WorkQueue(random=lambda: 0.0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def taken(subject: WorkQueue[str]) -> str:
    """Take a key and finish with it."""
    key = await subject.get()
    subject.done(key)
    return key


async def test_a_key_added_twice_runs_once() -> None:
    subject = queue()
    subject.add("a")
    subject.add("a")
    assert await taken(subject) == "a"
    assert subject.depth(Priority.HIGH) == 0


async def test_keys_come_in_the_order_they_were_added() -> None:
    subject = queue()
    for key in ("b", "a", "c"):
        subject.add(key)
    assert [await taken(subject) for _ in range(3)] == ["b", "a", "c"]


async def test_a_key_is_never_worked_on_twice_at_a_time() -> None:
    subject = queue()
    subject.add("a")
    key = await subject.get()
    subject.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subject.get(), 1.0)
    subject.done(key)
    assert await taken(subject) == "a"


async def test_a_key_added_often_while_it_is_worked_on_runs_once_more() -> None:
    subject = queue()
    subject.add("a")
    key = await subject.get()
    for _ in range(5):
        subject.add("a")
    subject.done(key)
    await taken(subject)
    assert subject.depth(Priority.HIGH) == 0


async def test_user_changes_go_before_the_initial_listing() -> None:
    subject = queue()
    for number in range(3):
        subject.add(f"old-{number}", Priority.LOW)
    subject.add("new")
    assert await taken(subject) == "new"


async def test_a_listed_key_that_changes_is_promoted() -> None:
    subject = queue()
    subject.add("a", Priority.LOW)
    subject.add("b", Priority.LOW)
    subject.add("b")
    assert [await taken(subject), await taken(subject)] == ["b", "a"]


async def test_an_urgent_key_is_not_demoted() -> None:
    subject = queue()
    subject.add("a")
    subject.add("a", Priority.LOW)
    assert (subject.depth(Priority.HIGH), subject.depth(Priority.LOW)) == (1, 0)


async def test_a_key_that_is_worked_on_keeps_the_most_urgent_wish() -> None:
    subject = queue()
    subject.add("a")
    key = await subject.get()
    subject.add("a")
    subject.add("a", Priority.LOW)
    subject.done(key)
    assert subject.depth(Priority.HIGH) == 1


async def test_a_delayed_key_comes_at_its_time() -> None:
    subject = queue()
    subject.add_after("a", 30.0)
    await taken(subject)
    assert now() == 30.0


@pytest.mark.parametrize("delays", [(10.0, 30.0), (30.0, 10.0)])
async def test_of_several_deadlines_the_earliest_holds(delays: tuple[float, float]) -> None:
    subject = queue()
    for delay in delays:
        subject.add_after("a", delay)
    await taken(subject)
    assert now() == 10.0
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subject.get(), 100.0)


async def test_a_pass_that_comes_early_clears_the_deadline() -> None:
    subject = queue()
    subject.add_after("a", 10.0)
    subject.add("a")
    await taken(subject)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subject.get(), 100.0)


async def test_a_deadline_set_during_a_pass_holds() -> None:
    subject = queue()
    subject.add("a")
    key = await subject.get()
    subject.add_after("a", 10.0)
    subject.done(key)
    await taken(subject)
    assert now() == 10.0


async def test_no_delay_means_now() -> None:
    subject = queue()
    subject.add_after("a", 0.0)
    await taken(subject)
    assert now() == 0.0


async def test_failures_wait_twice_as_long_each_time_up_to_five_minutes() -> None:
    subject = queue()
    waits = [subject.retry("a") for _ in range(12)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


async def test_a_success_resets_the_backoff() -> None:
    subject = queue()
    subject.retry("a")
    subject.retry("a")
    subject.forget("a")
    assert subject.retry("a") == 1.0


async def test_chance_shortens_a_wait_by_half_at_most() -> None:
    subject = WorkQueue[str](random=lambda: 1.0)
    assert [subject.retry("a"), subject.retry("a")] == [0.5, 1.0]


async def test_a_waiting_worker_gets_the_next_key() -> None:
    subject = queue()
    waiting = asyncio.create_task(taken(subject))
    await asyncio.sleep(1)
    subject.add("a")
    assert await waiting == "a"


async def test_a_cancelled_worker_leaves_its_key_to_another() -> None:
    subject = queue()
    first = asyncio.create_task(taken(subject))
    second = asyncio.create_task(taken(subject))
    await asyncio.sleep(0)
    subject.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1.0) == "a"


async def test_closing_wakes_every_worker() -> None:
    subject = queue()
    workers = [asyncio.create_task(subject.get()) for _ in range(3)]
    await asyncio.sleep(0)
    subject.close()
    ends = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(end, workqueue.Closed) for end in ends)


async def test_a_closed_queue_takes_nothing_more() -> None:
    subject = queue()
    subject.add_after("later", 1.0)
    subject.close()
    subject.add("a")
    subject.add_after("b", 1.0)
    await asyncio.sleep(2)
    assert subject.depth(Priority.HIGH) == 0


async def test_the_time_in_the_queue_is_reported() -> None:
    seen: list[tuple[Priority, float]] = []
    subject = WorkQueue[str](random=lambda: 0.0, on_taken=lambda *wait: seen.append(wait))
    subject.add("a", Priority.LOW)
    await asyncio.sleep(2)
    subject.add("a")
    await asyncio.sleep(3)
    await taken(subject)
    assert seen == [(Priority.HIGH, 5.0)]


async def test_work_under_way_is_counted_and_timed() -> None:
    subject = queue()
    subject.add("a")
    key = await subject.get()
    await asyncio.sleep(7)
    assert (subject.running(), subject.longest_running_seconds()) == (1, 7.0)
    subject.done(key)
    assert (subject.running(), subject.longest_running_seconds()) == (0, 0.0)


Wishes = dict[str, float]
KEYS = strategies.sampled_from("abc")
STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(strategies.just("add"), KEYS, strategies.sampled_from(Priority)),
        strategies.tuples(strategies.just("after"), KEYS, strategies.floats(0, 20)),
        strategies.tuples(strategies.just("retry"), KEYS, strategies.none()),
        strategies.tuples(strategies.just("sleep"), strategies.floats(0, 20), strategies.none()),
    ),
    max_size=40,
)


class Worker:
    """Works on keys one by one and notes when each pass began."""

    def __init__(self, subject: WorkQueue[str], seconds: float) -> None:
        self._subject = subject
        self._seconds = seconds
        self._busy = Counter[str]()
        self.begun: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            key = await self._subject.get()
            self._busy[key] += 1
            assert self._busy[key] == 1
            self.begun[key] = now()
            await asyncio.sleep(self._seconds)
            self._busy[key] -= 1
            self._subject.done(key)


async def follow(subject: WorkQueue[str], steps: list[tuple[str, object, object]]) -> Wishes:
    """Take each step; return when each key was last added."""
    wishes: Wishes = {}
    for what, first, second in steps:
        match what, first, second:
            case "add", str(key), Priority() as priority:
                subject.add(key, priority)
                wishes[key] = now()
            case "after", str(key), float(delay):
                subject.add_after(key, delay)
            case "retry", str(key), _:
                subject.retry(key)
            case "sleep", float(seconds), _:
                await asyncio.sleep(seconds)
    return wishes


@hypothesis.given(steps=STEPS, work=strategies.floats(0, 3))
@pytest.mark.looptime(False)
def test_every_wish_is_followed_by_a_pass_and_no_key_meets_itself(
    steps: list[tuple[str, object, object]], work: float
) -> None:
    async def scenario() -> None:
        subject = queue()
        worker = Worker(subject, work)
        tasks = [asyncio.create_task(worker.run()) for _ in range(2)]
        wishes = await follow(subject, steps)
        await asyncio.sleep(1000)
        assert all(worker.begun[key] >= asked for key, asked in wishes.items())
        assert subject.depth(Priority.HIGH) == subject.depth(Priority.LOW) == 0
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError)

    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=1)) as runner:
        runner.run(scenario())
