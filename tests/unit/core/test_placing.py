"""Whether a node was found, in the scheduler's own words."""

import dataclasses

import pytest

from tests import builders, facts
from tests.unit.core import passes, test_pending
from trainshed.api import phases
from trainshed.core import observed


def seen(*pods: builders.PodBuilder) -> observed.Observation:
    """Return the observation of a job with these pods."""
    job = builders.job().active()
    return builders.observation(build=facts.built(), workload=job, pods=pods)


def test_a_pod_that_fits_no_node_says_why_and_what_to_do() -> None:
    said = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."

    wanted = passes.decided(seen(builders.pod().unschedulable(said)))

    status, reason, message = passes.condition(wanted, "Placed")
    assert (status, reason) == ("False", "AffinityMismatch")
    assert f"(the scheduler: {said.rstrip('.')})" in message
    assert "pod.nodeSelector" in message
    assert passes.read(wanted).phase is phases.Phase.STARTING
    assert (True, "AffinityMismatch") in [(each.warning, each.reason) for each in wanted.notices]


def test_a_pod_that_fits_no_node_is_looked_at_seldom_and_its_deadline_is_kept() -> None:
    # Most of what changes comes by the watch: thousands of waiting jobs may cost little.
    waits = seen(builders.pod().unschedulable())

    assert passes.decided(waits, now=1001).requeue_after == pytest.approx(300)
    assert passes.decided(waits, now=1701).requeue_after == pytest.approx(1 + 1800 - 1701)


def test_a_pod_on_a_node_is_placed() -> None:
    wanted = passes.decided(seen(builders.pod().on_node("node-7")))

    assert passes.condition(wanted, "Placed") == ("True", "Scheduled", "on node node-7")
    placement = passes.read(wanted).placement
    assert placement is not None
    assert (placement.type, placement.nodes) == ("cpu", ["node-7"])


def test_the_placement_outlives_the_pod() -> None:
    before = seen(builders.pod().on_node("node-7"))
    before = passes.stored(before, passes.decided(before))

    after = passes.decided(dataclasses.replace(before, pods=()), now=12)

    assert after.status is None or passes.read(after).placement is not None


def two(first: str, second: str) -> observed.Observation:
    """Return a job of two pods of which the scheduler says this."""
    pods = [
        builders.pod().index(index).unschedulable(said)
        for index, said in enumerate((first, second))
    ]
    workload = builders.job().active().replicas(2)
    job = builders.training_job().script().replicas(2)
    return builders.observation(job, build=facts.built(), workload=workload, pods=pods)


def test_of_a_gang_the_pod_is_told_that_has_no_node_and_not_those_that_wait_for_it() -> None:
    said = "0/3 nodes are available: 3 Insufficient cpu."

    wanted = passes.decided(two(test_pending.GATHERS, said))

    status, reason, message = passes.condition(wanted, "Placed")
    assert (status, reason) == ("False", "InsufficientNow")
    assert "(the scheduler: 0/3 nodes are available: 3 Insufficient cpu)" in message
    assert "minCount" not in message


def test_a_gang_of_which_nothing_else_is_said_waits_for_room() -> None:
    status, reason, message = passes.condition(
        passes.decided(two(test_pending.GATHERS, test_pending.GATHERS)), "Placed"
    )

    assert (status, reason) == ("False", "InsufficientNow")
    assert "all of the job's are placed or none" in message
    assert f"(the scheduler: {test_pending.GATHERS})" in message
