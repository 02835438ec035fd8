"""The last push as a person reads it."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders, facts
from tests.unit.core import passes, structural
from trainshed.core import observed, progressing, reports


def running(push: reports.Progress | None) -> observed.Observation:
    """Return the observation of a running job that pushed."""
    pod = builders.pod().on_node().running()
    return builders.observation(
        build=facts.built(), workload=builders.job().active(), pods=[pod], progress=push
    )


def test_a_push_is_rounded_for_people() -> None:
    push = facts.progress(
        40,
        received=12.6,
        epoch=2,
        training_seconds=8.0,
        samples_per_second=4100.2345,
        step_seconds_p50=0.0151234567,
        step_seconds_p95=None,
        data_wait_ratio=0.04321,
        loss=0.3123456789,
        metrics={"accuracy": 0.9312345678},
    )

    found = passes.read(passes.decided(running(push), now=13)).progress

    assert found is not None
    assert found.dump() == {
        "step": 40,
        "totalSteps": 100,
        "epoch": 2,
        "percent": 40,
        "samplesPerSecond": 4100.2,
        "stepSeconds": {"p50": 0.015123},
        "dataWaitRatio": 0.043,
        "loss": 0.312346,
        "metrics": {"accuracy": 0.931235},
        "estimatedRemainingSeconds": 12,
        "lastUpdateTime": builders.at(12),
    }


def test_progress_reaches_the_status_at_most_every_ten_seconds() -> None:
    seen = running(facts.progress(10, received=10))
    seen = passes.stored(seen, passes.decided(seen, now=10))

    def steps(received: float) -> int | None:
        push = facts.progress(20, received=received)
        wanted = passes.decided(dataclasses.replace(seen, progress=push), now=received)
        found = passes.read(wanted).progress if wanted.status is not None else None
        return found.step if found is not None else None

    assert steps(19.9) is None
    assert steps(20.0) == 20


def test_a_push_that_came_early_is_written_once_the_interval_is_over() -> None:
    seen = running(facts.progress(10, received=10))
    seen = passes.stored(seen, passes.decided(seen, now=10))
    early = dataclasses.replace(seen, progress=facts.progress(20, received=15))

    assert passes.decided(early, now=19.9).status is None
    found = passes.read(passes.decided(early, now=20)).progress
    assert found is not None
    assert found.step == 20


def test_a_change_of_phase_does_not_hurry_progress() -> None:
    seen = running(facts.progress(10, received=10))
    seen = passes.stored(seen, passes.decided(seen, now=10))
    push = facts.progress(20, received=12)
    placed = builders.pod().on_node("node-2").running().view()

    wanted = passes.decided(dataclasses.replace(seen, progress=push, pods=(placed,)), now=12)

    found = passes.read(wanted).progress
    assert found is not None
    assert found.step == 10


def test_progress_outlives_an_operator_that_forgot_it() -> None:
    seen = running(facts.progress(10, received=10))
    seen = passes.stored(seen, passes.decided(seen, now=10))

    assert passes.decided(dataclasses.replace(seen, progress=None), now=30).status is None


@pytest.mark.parametrize(
    ("fields", "percent", "remaining"),
    [
        ({"training_seconds": 10.0}, 40, 15),
        ({"training_seconds": 0.0}, 40, None),
        ({"total_steps": None, "training_seconds": 10.0}, None, None),
        ({"total_steps": 30, "training_seconds": 10.0}, 100, 0),
        ({"percent": 45.4, "estimated_remaining_seconds": 795.4}, 45, 795),
        ({"percent": 250.0, "estimated_remaining_seconds": -4.0}, 100, 0),
    ],
    ids=[
        "a known end",
        "no time yet",
        "no known end",
        "beyond its end",
        "the payload's own",
        "a payload out of bounds",
    ],
)
def test_the_share_and_the_time_left(
    fields: dict[str, object], percent: int | None, remaining: int | None
) -> None:
    push = facts.progress(40, received=10, **fields)

    assert (progressing.percent(push), progressing.remaining(push)) == (percent, remaining)


FLOATS = strategies.floats(allow_nan=False, allow_infinity=False)
MAYBE = strategies.none() | FLOATS


@hypothesis.given(
    step=strategies.integers(0, 2**62),
    total=strategies.none() | strategies.integers(0, 2**62),
    seconds=FLOATS,
    speed=FLOATS,
    percent=MAYBE,
    remaining=MAYBE,
    loss=MAYBE,
)
def test_any_finite_push_is_a_status_that_the_api_server_takes(
    step: int,
    total: int | None,
    seconds: float,
    speed: float,
    percent: float | None,
    remaining: float | None,
    loss: float | None,
) -> None:
    push = facts.progress(
        step,
        received=10,
        total_steps=total,
        training_seconds=seconds,
        samples_per_second=speed,
        percent=percent,
        estimated_remaining_seconds=remaining,
        loss=loss,
    )

    wanted = passes.decided(running(push))

    assert structural.faults(wanted.status, structural.STATUS) == []
