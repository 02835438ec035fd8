"""Pods of folds that come and go: what is told of those that wait."""

from __future__ import annotations

import pytest

from tests import builders, facts
from tests.unit.core import folds, passes
from trainshed.api import phases
from trainshed.core import observed


def running() -> observed.Observation:
    """Return a cross-validation whose first fold is done and stored."""
    before = folds.seen(folds.active(), folds.fold(0).running())
    before = passes.stored(before, passes.decided(before, now=5))
    before = folds.again(before, folds.seen(folds.active(), folds.done(0)))
    return passes.stored(before, passes.decided(before, now=11))


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [builders.pod().fold(1)],
        [folds.fold(1)],
        [folds.fold(1).waiting()],
        [folds.fold(1).running(since=12)],
        [folds.fold(1).running(since=12), builders.pod().fold(2)],
    ],
    ids=["no pod", "a new pod", "a placed pod", "a container", "a fold", "a fold and a pod"],
)
def test_between_two_folds_nothing_is_written(pods: list[folds.Pod]) -> None:
    after = folds.again(running(), folds.seen(folds.active(), folds.done(0), *pods))

    assert passes.decided(after, now=12).status is None


def test_a_fold_that_waits_for_room_is_told_of_while_another_runs() -> None:
    lost = builders.pod().fold(1).unschedulable("0/1 nodes are available: 1 Insufficient cpu.")

    wanted = passes.decided(folds.seen(folds.active(), folds.fold(0).running(), lost), now=5)

    assert passes.condition(wanted, "Placed") == (
        "True",
        "Scheduled",
        "folds on node node-1; fold 1: 0/1 nodes are available: 1 Insufficient cpu; it starts when"
        " another has ended: lower crossValidation.parallelism, or add a node",
    )
    assert passes.reasons(wanted)["Running"] == ("True", "Training")


def test_a_fold_that_finds_no_node_is_told_of_when_none_runs() -> None:
    lost = builders.pod().fold(1).unschedulable()
    after = folds.again(running(), folds.seen(folds.active(), folds.done(0), lost))

    wanted = passes.decided(after, now=20)

    assert passes.reasons(wanted)["Placed"] == ("False", "InsufficientNow")
    assert passes.condition(wanted, "Placed")[2].startswith("fold 1: nodes would do")
    assert passes.reasons(wanted)["Running"][0] == "False"


def test_an_image_that_a_later_fold_cant_pull_is_told() -> None:
    after = folds.again(
        running(), folds.seen(folds.active(), folds.done(0), folds.fold(1).pull_failed())
    )

    found = passes.condition(passes.decided(after, now=11), "Running")

    assert found[:2] == ("False", "ImagePullFailed")
    assert found[2].startswith("fold 1: i/o timeout")


def test_a_warning_that_an_earlier_fold_has_overcome_is_not_told_again() -> None:
    warning = facts.refused("FailedMount", "FailedMount: secret x not found")
    after = folds.again(
        running(),
        folds.seen(folds.active(), folds.done(0), folds.fold(1).waiting(), warning=warning),
    )

    assert passes.decided(after, now=12).status is None
    assert passes.reasons(passes.decided(after, now=20))["Running"] == ("False", "FailedMount")


def test_a_fold_whose_pod_is_not_made_is_asked_about() -> None:
    after = folds.again(running(), folds.seen(folds.active(), folds.done(0)))

    wanted = passes.decided(after, now=20)

    assert wanted.inquiry is not None
    assert wanted.inquiry.kind == "Job"


def test_a_fold_that_never_starts_ends_the_job_at_its_own_deadline() -> None:
    after = folds.again(
        running(), folds.seen(folds.active(), folds.done(0), folds.fold(1).pull_failed())
    )
    after = passes.stored(after, passes.decided(after, now=12))

    assert passes.read(passes.decided(after, now=1815)).phase is phases.Phase.FAILED
    early = passes.decided(after, now=1805)
    assert early.status is None
    assert early.requeue_after == pytest.approx(5)


def test_a_fold_that_runs_has_no_deadline() -> None:
    before = folds.seen(
        folds.active(), folds.fold(0).running(), builders.pod().fold(1).unschedulable()
    )
    before = passes.stored(before, passes.decided(before, now=5))

    assert passes.decided(before, now=5000).status is None


def test_nodes_of_folds_are_gathered() -> None:
    before = passes.stored(running(), passes.decided(running()))
    after = folds.again(
        before, folds.seen(folds.active(), folds.fold(1).on_node("node-2").running(since=12))
    )

    placement = passes.read(passes.decided(after, now=13)).placement

    assert placement is not None
    assert placement.nodes == ["node-1", "node-2"]
