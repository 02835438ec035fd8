"""A part of a job's pods may not hold nodes for ever while the others find none."""

import dataclasses
from typing import Any

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.core import observed, partial, policy

SETTINGS = facts.settings(gang_deadline=100.0)
SAID = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
LATEST = 100.0 * (1 + partial.SPREAD)


def held(index: int, *, since: float = 2) -> builders.PodBuilder:
    return (
        builders.pod().index(index).on_node(f"node-{index}", since=since).running(since=since + 1)
    )


def refused(index: int) -> builders.PodBuilder:
    return builders.pod().index(index).unschedulable(SAID)


def seen(
    *pods: builders.PodBuilder, uid: str = builders.UID, **facts_: Any
) -> observed.Observation:
    """Return the observation of a job of three pods."""
    job = builders.training_job().script().replicas(3).named(builders.NAME, uid=uid)
    workload = builders.job().active().replicas(3).owned_by(uid)
    return builders.observation(job, workload=workload, pods=pods, build=facts.built(), **facts_)


def failed(found: observed.Observation, now: float, settings: policy.Policy = SETTINGS) -> str:
    """Return the reason and message of the end; empty while there is none."""
    wanted = passes.decided(found, now=now, settings=settings)
    if wanted.status is None or "Failed" not in passes.reasons(wanted):
        return ""
    _, reason, message = passes.condition(wanted, "Failed")
    return f"{reason}: {message}"


def test_a_part_of_the_pods_gives_its_nodes_back_in_time() -> None:
    found = seen(held(0), held(1), refused(2))

    told = failed(found, now=2 + LATEST)

    assert told.startswith("GangNotPlaced: 2 of 3 pods were placed")
    assert "0/3 nodes are available: 3 Insufficient nvidia.com/gpu" in told
    assert "create the job anew" in told


def test_the_job_is_deleted_once_its_end_is_stored_and_not_before() -> None:
    found = seen(held(0), held(1), refused(2))
    ended = passes.decided(found, now=2 + LATEST, settings=SETTINGS)

    after = passes.decided(passes.stored(found, ended), now=3 + LATEST, settings=SETTINGS)

    assert ended.deletes == ()
    assert [each.name for each in after.deletes] == ["gestures-1"]


def test_it_waits_until_then_and_looks_again_at_that_time() -> None:
    wanted = passes.decided(seen(held(0), refused(1), refused(2)), now=90, settings=SETTINGS)

    assert failed(seen(held(0), refused(1), refused(2)), now=2 + 99) == ""
    assert wanted.requeue_after is not None
    assert 12 <= wanted.requeue_after <= 12 + 20


def test_each_pod_that_is_placed_is_worth_the_wait_for_the_next() -> None:
    found = seen(held(0), held(1, since=90), refused(2))

    assert failed(found, now=2 + LATEST) == ""
    assert failed(found, now=90 + LATEST).startswith("GangNotPlaced")


def test_two_jobs_that_wait_for_each_other_do_not_give_way_at_once() -> None:
    pods = (held(0), refused(1), refused(2))
    waits = {
        passes.decided(seen(*pods, uid=f"uid-{n}"), now=90, settings=SETTINGS).requeue_after
        for n in range(20)
    }

    assert len(waits) == 20


def test_a_job_that_holds_nothing_waits_for_its_own_deadline() -> None:
    found = seen(refused(0), refused(1), refused(2))

    assert failed(found, now=2 + LATEST) == ""
    assert failed(found, now=1801).startswith("StartupDeadlineExceeded")


def test_a_job_that_is_placed_whole_is_none_of_it() -> None:
    whole = seen(*(held(index).waiting() for index in range(3)))

    assert failed(whole, now=2 + LATEST) == ""


def test_pods_that_a_quota_refuses_count_as_not_placed() -> None:
    said = facts.refused("FailedCreate", "pods are forbidden: exceeded quota: gpus")

    told = failed(seen(held(0), held(1), warning=said), now=2 + LATEST)

    assert told.startswith("GangNotPlaced: 2 of 3")
    assert "exceeded quota: gpus" in told


def test_pods_that_are_missing_without_a_word_are_so_told() -> None:
    assert "the others were not made" in failed(seen(held(0), held(1)), now=2 + LATEST)


def test_a_job_that_has_started_is_none_of_it() -> None:
    whole = [held(index) for index in range(3)]
    started = passes.stored(seen(*whole), passes.decided(seen(*whole), settings=SETTINGS))

    fewer = dataclasses.replace(started, pods=started.pods[:2])

    assert failed(fewer, now=2 + LATEST) == ""


def test_folds_do_not_wait_for_each_other() -> None:
    job = builders.training_job().cnn().folds(3, parallelism=2)
    pods = [
        builders.pod().fold(0).on_node(since=2).waiting(),
        builders.pod().fold(1).unschedulable(SAID),
    ]
    workload = builders.job().active().folds(3, parallelism=2)
    found = builders.observation(job, workload=workload, pods=pods, build=facts.built())

    assert failed(found, now=2 + LATEST) == ""


@pytest.mark.parametrize(("own", "reason"), [(20, "GangNotPlaced"), (None, "")])
def test_a_job_may_have_less_patience(own: int | None, reason: str) -> None:
    job = builders.training_job().script().replicas(3).spec(startupDeadlineSeconds=own)
    found = dataclasses.replace(seen(held(0), refused(1), refused(2)), job=job.view())

    assert failed(found, now=21.5).partition(":")[0] == reason


def test_the_deadline_of_a_job_is_that_of_its_start() -> None:
    job = builders.training_job().cnn().spec(startupDeadlineSeconds=20)
    found = builders.observation(
        job, workload=builders.job().active(), pods=[builders.pod()], build=facts.built()
    )

    assert failed(found, now=20.5) == ""
    assert "not started within 20 s" in failed(found, now=21.5)
