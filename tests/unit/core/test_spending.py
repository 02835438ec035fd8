"""What attempts that Kueue took back have cost: it is part of what the job has cost."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.api import status
from trainshed.core import decide, observed

USD = {"hourly": 3.6, "currency": "USD"}
"""A thousandth a second."""
PLACEMENT = {"type": "gpu", "class": "l4", "resourceName": "nvidia.com/gpu", "count": 2}
PODS = 3


def seen(
    job: builders.JobBuilder,
    queue: builders.QueueBuilder,
    *pods: builders.PodBuilder,
    before: dict[str, Any] | None = None,
    folds: int = 0,
) -> observed.Observation:
    """Return a job of a queue, in three pods of two GPUs each."""
    asked = builders.training_job().cnn().queued()
    asked = asked.folds(folds, parallelism=2) if folds else asked.replicas(PODS)
    whole = job.folds(folds, parallelism=2) if folds else job.replicas(PODS)
    return builders.observation(
        asked.status(before or {"placement": PLACEMENT}),
        build=facts.built(),
        workload=whole,
        pods=pods,
        queue=queue,
        places=places.of(places.gpu("l4", price=USD)),
    )


def gang(*, since: float) -> list[builders.PodBuilder]:
    return [builders.pod().index(each).on_node().running(since=since) for each in range(PODS)]


def running() -> observed.Observation:
    """Return one that trains from its second 5, its status stored."""
    found = seen(
        builders.job().queued().let_go(since=2), builders.queue().admitted(), *gang(since=5)
    )
    return passes.stored(found, passes.decided(found))


def then(before: observed.Observation, after: observed.Observation) -> observed.Observation:
    """Return an observation with the status of an earlier one, and its own status stored."""
    found = dataclasses.replace(after, job=before.job)
    return passes.stored(found, passes.decided(found, now=40))


def attempts(found: observed.Observation) -> status.Attempts:
    known = decide.stored_status(found.job).attempts
    assert known is not None
    return known


TAKEN = builders.queue().admitted().preempted(at_=25)


@pytest.mark.parametrize(
    ("job", "seconds"),
    [
        (builders.job().queued().suspended(at_=25), 6 * 20.0),
        (builders.job().queued(), 6 * 20.0),
    ],
    ids=["by the Job's own word", "by Kueue's, where the Job's is an old one"],
)
def test_an_attempt_that_is_taken_back_is_counted_from_its_start_to_its_end(
    job: builders.JobBuilder, seconds: float
) -> None:
    taken = then(running(), seen(job, TAKEN))

    assert attempts(taken).earlier_device_seconds == seconds
    assert attempts(taken).earlier_unseen is None


def test_it_is_counted_once_however_often_it_is_looked_at() -> None:
    taken = then(running(), seen(builders.job().queued().suspended(at_=25), TAKEN))

    assert passes.decided(taken, now=400).status is None


def test_attempts_add_up_and_are_in_the_cost() -> None:
    found = running()
    for start in (100, 200):
        held = builders.job().queued().suspended(at_=start - 75)
        found = then(found, seen(held, TAKEN))
        let_go = builders.job().queued().let_go(since=start)
        found = then(found, seen(let_go, builders.queue().admitted(at_=start), *gang(since=start)))

    assert attempts(found).current == 3
    assert attempts(found).earlier_device_seconds == 6 * (20 + 25)

    ended = seen(
        builders.job().queued().let_go(since=200).complete(300),
        builders.queue().admitted(at_=200),
        *(builders.pod().index(each).on_node().succeeded(after=300) for each in range(PODS)),
    )
    last = passes.read(passes.decided(dataclasses.replace(ended, job=found.job), now=301))
    assert last.result is not None
    assert last.result.cost == status.Cost(amount=(6 * 145) / 1000, currency="USD")


def test_an_end_that_nobody_saw_counts_to_the_last_progress_and_says_so() -> None:
    known = running()
    pushed = dataclasses.replace(known, progress=facts.progress(40, received=35))
    known = passes.stored(pushed, passes.decided(pushed, now=36))
    again = seen(
        builders.job().queued().let_go(since=100),
        builders.queue().admitted(at_=100),
        *gang(since=100),
    )

    found = then(dataclasses.replace(known, progress=None), again)

    assert attempts(found).earlier_device_seconds == 6 * 30
    assert attempts(found).earlier_unseen is True
    ended = seen(
        builders.job().queued().let_go(since=100).complete(110),
        builders.queue().admitted(at_=100),
        *(builders.pod().index(each).on_node().succeeded(after=110) for each in range(PODS)),
    )
    last = passes.read(passes.decided(dataclasses.replace(ended, job=found.job), now=111))
    assert last.result is not None
    assert last.result.cost == status.Cost(amount=0.24, currency="USD", at_least=True)


def test_an_end_that_nobody_saw_of_a_job_that_told_nothing_counts_nothing() -> None:
    again = seen(
        builders.job().queued().let_go(since=100),
        builders.queue().admitted(at_=100),
        *gang(since=100),
    )

    found = attempts(then(running(), again))

    assert (found.earlier_device_seconds, found.earlier_unseen) == (0, True)


def test_folds_count_so_many_at_a_time() -> None:
    before = {"phase": "Running", "startTime": builders.at(5), "placement": {"type": "cpu"}}
    held = builders.job().queued().suspended(at_=25)

    found = seen(held, TAKEN, before=before, folds=4)

    assert attempts(passes.stored(found, passes.decided(found))).earlier_device_seconds == 2 * 20
