"""Seconds from apply to the first step, stage by stage."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import status as status_api
from trainshed.core import observed

STAGES = ("building", "scheduling", "pulling", "initialising", "first_step")


def timeline(wanted_status: status_api.TrainingJobStatus) -> status_api.Timeline:
    """Return the timeline of a status."""
    assert wanted_status.timeline is not None
    return wanted_status.timeline


def life(
    *,
    image: float,
    node: int,
    container: int,
    step: float,
    passes_at: list[float],
    took: float | None = 0.5,
) -> status_api.Timeline:
    """Return the timeline of a job of which passes saw what had happened until then."""
    seen = builders.observation()
    for now in sorted(passes_at):
        pod = builders.pod()
        if now >= node:
            pod.on_node(since=node)
        if now >= container:
            pod.running(since=container)
        built = facts.built() if now >= image else observed.BuildView()
        job = builders.job().created(int(image)).active().view() if now >= image else None
        push = facts.progress(
            1, received=now, first_step_time=builders.T0 + step, first_step_seconds=took
        )
        seen = dataclasses.replace(
            seen,
            build=built,
            workload=job,
            pods=(pod.view(),) if job else (),
            progress=push if now >= step else None,
        )
        seen = passes.stored(seen, passes.decided(seen, now=now))
    return timeline(status_api.TrainingJobStatus.model_validate_json(seen.job.status))


def test_each_stage_ends_where_the_next_begins() -> None:
    found = life(image=0.25, node=2, container=5, step=6.5, passes_at=[0.1, 0.25, 2.1, 5.2, 6.6, 7])

    assert found.since == "2026-09-21T14:13:20.000Z"
    assert [getattr(found, each) for each in STAGES] == [0.25, 1.75, 3.0, 1.0, 0.5]
    assert found.to_first_step == 6.5


def test_a_stage_that_has_not_ended_is_absent() -> None:
    found = life(image=0.25, node=2, container=9, step=20, passes_at=[0.1, 0.3, 2.1])

    assert found.scheduling is not None
    assert found.pulling is None
    assert found.to_first_step is None


def test_a_stage_that_whole_seconds_put_before_its_start_took_no_time() -> None:
    # The API server cuts times to seconds: a pod may seem to be placed before its Job was made.
    found = life(image=2.75, node=2, container=3, step=4.5, passes_at=[2.75, 3.1, 4.6])

    assert (found.building, found.scheduling) == (2.75, 0.0)
    assert found.to_first_step == 4.5


def test_a_first_step_whose_seconds_nobody_told_is_part_of_what_came_before() -> None:
    at = [0.1, 0.25, 2.1, 5.2, 6.6, 7]
    found = life(image=0.25, node=2, container=5, step=6.5, passes_at=at, took=None)

    assert (found.initialising, found.first_step, found.to_first_step) == (1.5, None, 6.5)


def test_an_operator_that_forgot_the_first_step_keeps_what_is_written() -> None:
    seen = builders.observation(
        build=facts.built(),
        workload=builders.job().active(),
        pods=[builders.pod().on_node().running()],
    )
    push = facts.progress(1, received=6, first_step_time=builders.T0 + 6)
    seen = passes.stored(seen, passes.decided(dataclasses.replace(seen, progress=push), now=6))

    assert passes.decided(seen, now=30).status is None


def test_an_operator_that_was_away_does_not_count_as_building() -> None:
    found = life(image=1, node=2, container=3, step=5, passes_at=[60])

    assert found.building is not None
    assert found.building <= 2.0
    assert found.to_first_step == 5.0


def test_the_account_tells_of_a_first_step_that_no_push_told() -> None:
    pod = (
        builders.pod().on_node().succeeded(builders.account_document(firstStepTime=builders.T0 + 5))
    )
    seen = builders.observation(
        build=facts.built(), workload=builders.job().complete(30), pods=[pod]
    )

    assert timeline(passes.read(passes.decided(seen, now=31))).to_first_step == 5.0


@hypothesis.given(
    image=strategies.floats(0, 50, allow_subnormal=False),
    waits=strategies.tuples(
        strategies.integers(0, 100), strategies.integers(0, 100), strategies.floats(0, 100)
    ),
    extra=strategies.lists(strategies.floats(0.1, 400), max_size=6),
    took=strategies.floats(0, 200),
)
def test_the_stages_sum_to_the_time_to_the_first_step(
    image: float, waits: tuple[int, int, float], extra: list[float], took: float
) -> None:
    node = int(image) + waits[0]
    container = node + waits[1]
    step = max(container, image + 1) + waits[2]

    found = life(
        image=image,
        node=node,
        container=container,
        step=step,
        passes_at=[*extra, step + 1],
        took=took,
    )

    stages = [getattr(found, each) for each in STAGES]
    assert found.to_first_step is not None
    assert found.to_first_step == pytest.approx(sum(stages), abs=1e-9)
    assert found.to_first_step == pytest.approx(step, abs=0.003)
    assert all(each >= 0 for each in stages)
