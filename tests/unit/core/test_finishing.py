"""The end: when it is known, and what of it is kept."""

import dataclasses
import json

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import observed, reports

Phase = phases.Phase


def seen(
    job: builders.JobBuilder,
    pod: builders.PodBuilder | None,
    progress: reports.Progress | None = None,
) -> observed.Observation:
    """Return the observation of a job whose image is there."""
    pods = [pod] if pod is not None else []
    return builders.observation(build=facts.built(), workload=job, pods=pods, progress=progress)


def test_a_complete_job_waits_for_its_pods_last_words() -> None:
    running = seen(builders.job().complete(30), builders.pod().on_node().running())

    early = passes.decided(running, now=31)

    assert not passes.read(early).phase.finished
    assert early.requeue_after == pytest.approx(10.0)


def test_last_words_that_never_come_are_not_waited_for_long() -> None:
    late = passes.decided(
        seen(builders.job().complete(30), builders.pod().on_node().running()), now=40
    )

    assert passes.read(late).phase is Phase.SUCCEEDED
    assert passes.condition(late, "Succeeded")[1:] == (
        "Completed",
        "the command ended with exit code 0",
    )
    assert passes.read(late).result is None


def test_a_failed_job_waits_until_nothing_of_it_terminates() -> None:
    pod = builders.pod().on_node().exited(1)

    going = passes.decided(seen(builders.job().failing(30), pod), now=31)

    assert not passes.read(going).phase.finished
    assert passes.read(passes.decided(seen(builders.job().failed(30), pod), now=31)).phase is (
        Phase.FAILED
    )


def test_a_failure_target_alone_does_not_end_the_job() -> None:
    pod = builders.pod().on_node().exited(1)

    wanted = passes.decided(seen(builders.job().failing(30), pod), now=3000)

    assert not passes.read(wanted).phase.finished
    assert not wanted.deletes


def test_the_container_is_no_longer_running_at_the_end() -> None:
    before = seen(builders.job().active(), builders.pod().on_node().running())
    before = passes.stored(before, passes.decided(before))
    ended = seen(builders.job().complete(30), builders.pod().on_node().succeeded())

    wanted = passes.decided(dataclasses.replace(ended, job=before.job), now=31)

    assert passes.condition(wanted, "Running")[:2] == ("False", "Finished")
    assert passes.read(wanted).start_time == builders.at(3)
    assert passes.read(wanted).completion_time == builders.at(30)


def test_a_failed_run_keeps_what_it_measured() -> None:
    told = builders.account_document(outcome="failed", exitCode=1, steps=40, samples=2560)
    pod = builders.pod().on_node().exited(1, json.dumps(told))
    push = facts.progress(38, received=20)

    status = passes.read(passes.decided(seen(builders.job().failed(30), pod, push), now=31))

    assert status.result is not None
    assert status.result.steps == 40
    assert status.progress is not None
    assert (status.progress.step, status.progress.percent) == (40, 38)
    assert status.progress.estimated_remaining_seconds is None


def test_the_last_push_speaks_where_the_pod_left_no_account() -> None:
    account = reports.Account("succeeded", 0, steps=100, samples=6400, samples_per_second=800.0)
    push = facts.progress(100, received=29, account=account)
    pod = builders.pod().on_node().exited(0, "")

    status = passes.read(passes.decided(seen(builders.job().complete(30), pod, push), now=31))

    assert status.result is not None
    assert status.result.samples_per_second == 800.0


def test_the_account_wins_over_the_push() -> None:
    push = facts.progress(99, received=29, samples_per_second=1.0, loss=9.0)
    pod = builders.pod().on_node().succeeded()

    status = passes.read(passes.decided(seen(builders.job().complete(30), pod, push), now=31))

    assert status.progress is not None
    assert status.result is not None
    assert status.progress.samples_per_second == status.result.samples_per_second == 800.0
    assert status.progress.loss == status.result.loss == 0.1


def test_what_went_wrong_beside_the_training_is_told_with_its_success() -> None:
    told = json.dumps(builders.account_document(warnings=["ReportFailed: no room", 3]))
    pod = builders.pod().on_node().exited(0, told)

    wanted = passes.decided(seen(builders.job().complete(30), pod), now=31)

    _, _, message = passes.condition(wanted, "Succeeded")
    assert message.endswith("; ReportFailed: no room")


def test_a_command_that_measures_nothing_has_no_result() -> None:
    told = {"v": 1, "outcome": "succeeded", "exitCode": 0}
    pod = builders.pod().on_node().exited(0, json.dumps(told))

    wanted = passes.decided(seen(builders.job().complete(30), pod), now=31)

    assert passes.read(wanted).result is None
    assert passes.condition(wanted, "Succeeded")[2] == "the command ended with exit code 0"
