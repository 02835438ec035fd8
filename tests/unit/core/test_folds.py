"""The folds of a cross-validation: counted once, kept for good, and told as one run."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders, facts
from tests.unit.core import passes, structural
from trainshed.api import cross_validation, phases, status
from trainshed.core import observed

FOLDS = 3
Pod = builders.PodBuilder
Told = cross_validation.CrossValidationStatus


def seen(job: builders.JobBuilder, *pods: Pod, **facts_: Any) -> observed.Observation:
    """Return the observation of a cross-validation of three folds, two at a time."""
    asked = builders.training_job().cnn().folds(FOLDS, parallelism=2)
    workload = job.folds(FOLDS, parallelism=2)
    return builders.observation(asked, workload=workload, pods=pods, build=facts.built(), **facts_)


def again(before: observed.Observation, after: observed.Observation) -> observed.Observation:
    """Return what is seen afterwards, with the status that was stored before."""
    return dataclasses.replace(after, job=before.job)


def active() -> builders.JobBuilder:
    """Begin a Job whose pods go on."""
    return builders.job().active()


def fold(number: int) -> Pod:
    """Begin the pod of a fold, on a node."""
    return builders.pod().fold(number).on_node("node-1", since=2 + number)


def done(number: int, *, accuracy: float = 0.9, **told: Any) -> Pod:
    """Return a fold's pod that has succeeded."""
    account = builders.account_document(metrics={"accuracy": accuracy}, **told)
    return fold(number).succeeded(account, after=10 + number)


def pushed(number: int, step: int, *, received: float = 10, **fields: Any) -> observed.Progress:
    """Return the push of a fold."""
    uid = observed.Uid(fold(number).view().uid)
    return facts.progress(step, received=received, fold=number, pod_uid=uid, **fields)


def folds(before: observed.Observation, *, now: float = 11) -> Told:
    """Return what a pass tells of the folds."""
    found = passes.read(passes.decided(before, now=now)).cross_validation
    assert found is not None
    return found


def test_a_fold_is_told_of_once_it_is_done() -> None:
    wanted = passes.decided(seen(active(), done(0, heldOutLoss=0.25), fold(1).running()), now=11)

    found = passes.read(wanted).cross_validation
    assert found is not None
    assert [each.dump() for each in found.folds] == [
        {
            "fold": 0,
            "metrics": {"accuracy": 0.9, "loss": 0.25},
            "samples": 6400,
            "seconds": 8.0,
            "samplesPerSecond": 800.0,
            "steps": 100,
            "epochs": 5,
            "trainingLoss": 0.1,
        }
    ]
    assert (found.mean, found.std) == ({"accuracy": 0.9, "loss": 0.25}, None)
    assert passes.condition(wanted, "Running") == ("True", "Training", "1 of 3 folds done")


@pytest.mark.parametrize(
    ("seconds", "loss", "target"), [((3.0, 5.0, 4.0), 0.2, 5.0), ((3.0, None, 4.0), 0.2, None)]
)
def test_loss_and_time_to_target_are_those_of_all_folds(
    seconds: tuple[float | None, ...], loss: float, target: float | None
) -> None:
    pods = [
        done(at, loss=0.1 * (at + 1), timeToTargetSeconds=each) for at, each in enumerate(seconds)
    ]
    whole = builders.job().folds(FOLDS).complete(30)

    result = passes.read(passes.decided(seen(whole, *pods), now=31)).result

    assert result is not None
    assert result.loss == pytest.approx(loss)
    assert result.time_to_target_seconds == target


@pytest.mark.parametrize("losses", [[1.7e308] * 3, [0.1, 0.2, None]], ids=["beyond sums", "none"])
def test_losses_that_have_no_mean_leave_the_result_without_one(losses: list[Any]) -> None:
    pods = [done(at, loss=each) for at, each in enumerate(losses)]

    result = passes.read(
        passes.decided(seen(builders.job().folds(FOLDS).complete(30), *pods), now=31)
    ).result

    assert result is not None
    assert (result.loss, result.time_to_target_seconds) == (None, None)


def test_what_went_wrong_beside_the_training_is_said_with_its_fold() -> None:
    pods = [done(0), done(1, warnings=["ReportFailed: no report"]), done(2)]

    wanted = passes.decided(seen(builders.job().complete(30), *pods), now=31)

    assert passes.condition(wanted, "Succeeded")[2].endswith("; fold 1: ReportFailed: no report")


def test_a_fold_that_was_over_before_it_was_seen_to_run_hides_not_why_the_next_one_waits() -> None:
    before = seen(active(), fold(2).on_node().waiting())
    before = passes.stored(before, passes.decided(before, now=11))

    after = again(before, seen(active(), done(2), builders.pod().fold(0).unschedulable()))
    status, _, message = passes.condition(passes.decided(after, now=12), "Running")

    assert (status, message.partition(":")[0]) == ("False", "no fold runs")
    assert "fold 0: 0/1 nodes" in message


def test_the_deviation_is_that_of_a_sample() -> None:
    values = [0.5, 0.75, 0.875]

    found = folds(seen(active(), *(done(at, accuracy=each) for at, each in enumerate(values))))

    assert found.mean["accuracy"] == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert found.std is not None
    assert found.std["accuracy"] == pytest.approx(statistics.stdev(values), abs=1e-6)


@hypothesis.given(order=strategies.permutations([0, 0, 1, 1, 2, 2]), gone=strategies.booleans())
def test_folds_may_be_told_in_any_order_and_twice(order: Sequence[int], gone: bool) -> None:
    before, told = seen(active()), set[int]()
    for number in order:
        told = {number} if gone else told | {number}
        pods = [done(each, accuracy=0.5 + each / 4) for each in told]
        before = again(before, seen(active(), *pods))
        before = passes.stored(before, passes.decided(before, now=11))

    found = status.TrainingJobStatus.model_validate_json(before.job.status).cross_validation

    whole = seen(active(), *(done(each, accuracy=0.5 + each / 4) for each in range(FOLDS)))
    assert found == folds(whole)


def test_what_a_fold_told_outlives_its_pod_and_the_operator() -> None:
    before = seen(active(), done(0), fold(1).running())
    before = passes.stored(before, passes.decided(before, now=11))

    after = again(before, seen(active(), fold(1).running()))

    assert passes.decided(after, now=12).status is None


def test_what_a_fold_told_first_stands() -> None:
    before = seen(active(), done(0, accuracy=0.9), fold(1).running())
    before = passes.stored(before, passes.decided(before, now=11))

    after = again(before, seen(active(), done(0, accuracy=0.1), fold(1).running()))

    assert passes.decided(after, now=12).status is None


def test_the_pushed_account_stands_for_words_that_are_lost() -> None:
    account = observed.Account("succeeded", 0, steps=100, metrics={"accuracy": 0.8})
    silent = fold(0).exited(0)
    push = {0: pushed(0, 100, account=account)}

    assert folds(seen(active(), silent, folds=push)).mean == {"accuracy": 0.8}


def test_a_push_of_another_pod_is_not_taken_for_the_folds() -> None:
    account = observed.Account("succeeded", 0, steps=100, metrics={"accuracy": 0.8})
    push = {
        0: pushed(
            0,
            100,
            account=account,
        )
    }
    stranger = {0: dataclasses.replace(push[0], pod_uid=observed.Uid("another"))}

    wanted = passes.decided(seen(active(), fold(0).exited(0), folds=stranger), now=11)

    assert passes.read(wanted).cross_validation is None


@pytest.mark.parametrize(
    "told",
    [
        {"heldOutLoss": 1e308},
        {"heldOutLoss": -1.7e308},
        {"samples": 2**61, "steps": 2**61, "trainingSeconds": 1e308},
        {"metrics": {f"metric-{each}": 1e308 for each in range(10)}, "heldOutLoss": 1.0},
        {"metrics": {}},
        {"samples": 0, "steps": 1, "trainingSeconds": 0},
    ],
    ids=["a loss beyond sums", "its opposite", "counts", "many metrics", "none", "no time"],
)
def test_no_claim_of_a_pod_makes_a_status_that_is_refused(told: dict[str, Any]) -> None:
    pods = [fold(at).succeeded(builders.account_document(**told)) for at in range(FOLDS)]
    for job in (active(), builders.job().complete(30)):
        wanted = passes.decided(seen(job, *pods), now=31)

        assert wanted.status is not None
        assert structural.faults(wanted.status, structural.STATUS) == []


def test_a_metric_that_one_fold_lacks_has_no_mean() -> None:
    pods = [done(0, heldOutLoss=0.5), done(1)]

    assert set(folds(seen(active(), *pods)).mean) == {"accuracy"}


# All folds as one run


def test_progress_is_the_share_of_all_folds() -> None:
    push = {
        1: pushed(1, 50, samples=3200, samples_per_second=600.0),
        2: pushed(2, 25, samples=1600, samples_per_second=200.0, received=10.5),
    }
    before = seen(active(), done(0), fold(1).running(), fold(2).running(), folds=push)

    progress = passes.read(passes.decided(before, now=11)).progress

    assert progress is not None
    assert (progress.step, progress.total_steps, progress.percent) == (175, 300, 58)
    assert progress.samples_per_second == 800.0
    assert progress.metrics == {"accuracy": 0.9}
    assert progress.last_update_time == builders.at(10)


def test_folds_that_have_not_begun_are_taken_to_be_as_long() -> None:
    push = {0: pushed(0, 50, training_seconds=5.0)}

    progress = passes.read(
        passes.decided(seen(active(), fold(0).running(), folds=push), now=11)
    ).progress

    assert progress is not None
    assert (progress.total_steps, progress.percent) == (300, 16)
    # 250 steps of 0.1 s, two folds at a time.
    assert progress.estimated_remaining_seconds == 12


def test_progress_never_goes_back_after_a_restart() -> None:
    both = {1: pushed(1, 50), 2: pushed(2, 50)}
    before = seen(active(), done(0), fold(1).running(), fold(2).running(), folds=both)
    before = passes.stored(before, passes.decided(before, now=11))
    one = {1: pushed(1, 60, received=40)}

    after = again(before, seen(active(), fold(1).running(), fold(2).running(), folds=one))

    assert passes.decided(after, now=41).status is None


def test_the_end_of_a_fold_brings_the_progress_with_it() -> None:
    push = {0: pushed(0, 90), 1: pushed(1, 50)}
    before = seen(active(), fold(0).running(), fold(1).running(), folds=push)
    before = passes.stored(before, passes.decided(before, now=11))

    after = again(before, seen(active(), done(0), fold(1).running(), folds=push))

    progress = passes.read(passes.decided(after, now=12)).progress
    assert progress is not None
    assert progress.step == 150


def test_the_result_sums_the_folds() -> None:
    pods = [
        done(0, accuracy=0.9, samples=6400, trainingSeconds=8.0),
        done(1, accuracy=0.8, samples=6400, trainingSeconds=8.0),
        done(2, accuracy=0.7, samples=6400, trainingSeconds=16.0),
    ]

    wanted = passes.decided(seen(builders.job().complete(30), *pods), now=31)

    found = passes.read(wanted)
    assert found.phase is phases.Phase.SUCCEEDED
    assert found.result is not None
    assert (found.result.samples, found.result.seconds, found.result.steps) == (19200, 32.0, 300)
    assert (found.result.samples_per_second, found.result.accuracy) == (600.0, 0.8)
    assert found.progress is not None
    assert (found.progress.step, found.progress.percent) == (300, 100)
    assert passes.condition(wanted, "Succeeded")[2] == (
        "3 folds with accuracy 0.8000 ± 0.1000; 300 steps at 600.0 samples/s"
    )


def test_a_complete_job_waits_for_the_words_of_every_fold() -> None:
    complete = builders.job().complete(30)
    before = seen(complete, done(0), done(2))

    assert not passes.read(passes.decided(before, now=31)).phase.finished
    assert passes.read(passes.decided(before, now=40)).phase is phases.Phase.SUCCEEDED
    whole = seen(builders.job().complete(30), done(0), fold(1).exited(0), done(2))
    assert passes.read(passes.decided(whole, now=31)).phase is phases.Phase.SUCCEEDED


def test_checkpoints_are_counted_over_all_folds() -> None:
    kept = {"checkpoint": {"lastStep": 100, "resumedFromStep": 40}}
    push = {1: pushed(1, 60, checkpoint=observed.Checkpoint(50, 10))}
    before = seen(active(), done(0, **kept), fold(1).running(), folds=push)

    found = passes.read(passes.decided(before, now=11)).checkpoint

    assert found is not None
    assert (found.last_step, found.resumed_from_step) == (150, 50)


def test_the_timeline_is_that_of_the_first_fold() -> None:
    push = {
        0: pushed(0, 5, first_step_time=builders.T0 + 9, first_step_seconds=1.0),
        1: pushed(1, 5, first_step_time=builders.T0 + 8, first_step_seconds=0.5),
    }
    running = [fold(0).running(since=3), fold(1).running(since=4)]

    timeline = passes.read(passes.decided(seen(active(), *running, folds=push), now=11)).timeline

    assert timeline is not None
    assert (timeline.scheduling, timeline.pulling) == (0.0, 1.0)
    assert (timeline.initialising, timeline.first_step, timeline.to_first_step) == (4.5, 0.5, 8.0)


# A fold that fails


def failed(*pods: Pod, **facts_: Any) -> status.FailureStatus:
    """Return what the status says of a cross-validation that failed with these pods."""
    wanted = passes.decided(seen(builders.job().failed(30), *pods, **facts_), now=41)
    found = passes.read(wanted).failure
    assert found is not None
    assert passes.condition(wanted, "Failed")[2].startswith(found.message)
    return found


def told_failure(**fields: Any) -> str:
    """Return the termination message of a fold that failed."""
    ended = {"outcome": "failed", "exitCode": 2, "class": "Data", "reason": "TooManyFolds"}
    return json.dumps(builders.account_document(**{**ended, "message": "too many", **fields}))


def test_a_fold_that_fails_is_named() -> None:
    found = failed(done(0), fold(2).exited(2, told_failure()))

    assert (found.message, found.fold, found.rank) == ("fold 2: too many", 2, None)
    assert (found.class_, found.pod, found.exit_code) == ("Data", "gestures-1-2-abcde", 2)


def test_the_reason_of_a_fold_is_the_jobs() -> None:
    before = seen(builders.job().failed(30), fold(1).exited(2, told_failure()))

    assert passes.condition(passes.decided(before, now=41), "Failed")[1] == "TooManyFolds"


def test_what_folds_told_stays_when_another_fails() -> None:
    before = seen(builders.job().failed(30), done(0), fold(1).exited(2, told_failure()))

    found = passes.read(passes.decided(before, now=41))

    assert found.cross_validation is not None
    assert [each.fold for each in found.cross_validation.folds] == [0]


def test_folds_that_were_told_to_stop_are_not_blamed() -> None:
    stopped = told_failure(outcome="stopped", exitCode=75, **{"class": "Preempted"})
    found = failed(fold(0).exited(75, stopped, after=10), fold(1).exited(2, told_failure()))

    assert found.fold == 1


def test_a_fold_without_memory_is_named() -> None:
    found = failed(fold(0).running(), fold(1).oom_killed())

    assert (found.class_, found.fold) == ("HostOOM", 1)
    assert found.message == "fold 1: the container used more memory than its limit"


def test_a_fold_whose_pod_is_gone_is_named_by_its_push() -> None:
    account = observed.Account("failed", 2, failure_class="Data", message="torn file")
    gone = observed.Failure(observed.Uid("pod-uid-1-2"), account, fold=2)

    found = failed(failure=gone)

    assert (found.message, found.fold, found.rank) == ("fold 2: torn file", 2, None)


def test_folds_that_are_all_gone_without_a_word_fail_the_job() -> None:
    found = failed()

    assert (found.class_, found.fold, found.rank) == ("Unknown", None, None)


# Pods that come and go


def running() -> observed.Observation:
    """Return a cross-validation whose first fold is done and stored."""
    before = seen(active(), fold(0).running())
    before = passes.stored(before, passes.decided(before, now=5))
    before = again(before, seen(active(), done(0)))
    return passes.stored(before, passes.decided(before, now=11))


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [builders.pod().fold(1)],
        [fold(1)],
        [fold(1).waiting()],
        [fold(1).running(since=12)],
        [fold(1).running(since=12), builders.pod().fold(2)],
    ],
    ids=["no pod", "a new pod", "a placed pod", "a container", "a fold", "a fold and a pod"],
)
def test_between_two_folds_nothing_is_written(pods: list[Pod]) -> None:
    after = again(running(), seen(active(), done(0), *pods))

    assert passes.decided(after, now=12).status is None


def test_a_fold_that_waits_for_room_is_told_of_while_another_runs() -> None:
    lost = builders.pod().fold(1).unschedulable("0/1 nodes are available: 1 Insufficient cpu.")

    wanted = passes.decided(seen(active(), fold(0).running(), lost), now=5)

    assert passes.condition(wanted, "Placed") == (
        "True",
        "Scheduled",
        "folds on node node-1; fold 1: 0/1 nodes are available: 1 Insufficient cpu; it starts when"
        " another has ended: lower crossValidation.parallelism, or add a node",
    )
    assert passes.reasons(wanted)["Running"] == ("True", "Training")


def test_a_fold_that_finds_no_node_is_told_of_when_none_runs() -> None:
    lost = builders.pod().fold(1).unschedulable()
    after = again(running(), seen(active(), done(0), lost))

    wanted = passes.decided(after, now=20)

    assert passes.reasons(wanted)["Placed"] == ("False", "Unschedulable")
    assert passes.condition(wanted, "Placed")[2].startswith("fold 1: 0/1 nodes are available")
    assert passes.reasons(wanted)["Running"][0] == "False"


def test_an_image_that_a_later_fold_cant_pull_is_told() -> None:
    after = again(running(), seen(active(), done(0), fold(1).pull_failed()))

    found = passes.condition(passes.decided(after, now=11), "Running")

    assert found[:2] == ("False", "ImagePullFailed")
    assert found[2].startswith("fold 1: i/o timeout")


def test_a_warning_that_an_earlier_fold_has_overcome_is_not_told_again() -> None:
    warning = facts.refused("FailedMount", "FailedMount: secret x not found")
    after = again(running(), seen(active(), done(0), fold(1).waiting(), warning=warning))

    assert passes.decided(after, now=12).status is None
    assert passes.reasons(passes.decided(after, now=20))["Running"] == ("False", "FailedMount")


def test_a_fold_whose_pod_is_not_made_is_asked_about() -> None:
    after = again(running(), seen(active(), done(0)))

    wanted = passes.decided(after, now=20)

    assert wanted.inquiry is not None
    assert wanted.inquiry.kind == "Job"


def test_a_fold_that_never_starts_ends_the_job_at_its_own_deadline() -> None:
    after = again(running(), seen(active(), done(0), fold(1).pull_failed()))
    after = passes.stored(after, passes.decided(after, now=12))

    assert passes.read(passes.decided(after, now=1815)).phase is phases.Phase.FAILED
    early = passes.decided(after, now=1805)
    assert early.status is None
    assert early.requeue_after == pytest.approx(5)


def test_a_fold_that_runs_has_no_deadline() -> None:
    before = seen(active(), fold(0).running(), builders.pod().fold(1).unschedulable())
    before = passes.stored(before, passes.decided(before, now=5))

    assert passes.decided(before, now=5000).status is None


def test_nodes_of_folds_are_gathered() -> None:
    before = passes.stored(running(), passes.decided(running()))
    after = again(before, seen(active(), fold(1).on_node("node-2").running(since=12)))

    placement = passes.read(passes.decided(after, now=13)).placement

    assert placement is not None
    assert placement.nodes == ["node-1", "node-2"]
