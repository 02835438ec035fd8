"""Several pods: who speaks for them, where they are, and who failed first."""

import dataclasses
import json
from typing import Any

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases, status
from trainshed.core import gangs, observed, reports

Pod = builders.PodBuilder


def pod(index: int) -> Pod:
    """Begin the pod of an index, on a node of its own."""
    return builders.pod().index(index).on_node(f"node-{index}", since=2 + index)


def seen(job: builders.JobBuilder, *pods: Pod, **facts_: Any) -> observed.Observation:
    """Return the observation of a job of three pods of two processes each."""
    asked = builders.training_job().cnn().training(batchSize=60).replicas(3, processes=2)
    return builders.observation(
        asked, workload=job.replicas(3), pods=pods, build=facts.built(), **facts_
    )


def active() -> builders.JobBuilder:
    """Begin a job whose pods go on."""
    return builders.job().active()


def failed(*pods: Pod, **facts_: Any) -> status.FailureStatus:
    """Return what the status says of a job that failed with these pods."""
    wanted = passes.decided(seen(builders.job().failed(30), *pods, **facts_), now=41)
    failure = passes.read(wanted).failure
    assert failure is not None
    return failure


def told(**fields: Any) -> str:
    """Return a termination message."""
    ended = {"outcome": "failed", "exitCode": 1, "class": "UserCode", "message": "boom"}
    return json.dumps(builders.account_document(**{**ended, **fields}))


STOPPED = told(outcome="stopped", exitCode=75, **{"class": "Preempted"}, message="told to stop")


def test_a_job_runs_once_all_of_its_pods_do() -> None:
    running, last = [pod(0).running(since=5), pod(1).running(since=4)], pod(2)

    waiting = passes.decided(seen(active(), *running, last.waiting()), now=6)
    whole = passes.decided(seen(active(), *running, last.running(since=7)), now=8)

    assert passes.read(waiting).phase is phases.Phase.STARTING
    assert passes.condition(waiting, "Running") == (
        "False",
        "ContainerStarting",
        "the nodes prepare the containers",
    )
    assert passes.condition(whole, "Running") == (
        "True",
        "Training",
        "3 pods on nodes node-0, node-1, node-2",
    )
    assert passes.read(whole).start_time == builders.at(7)


def test_stages_end_when_the_last_pod_ends_them() -> None:
    pods = [pod(0).running(since=5), pod(1).running(since=4), pod(2).running(since=7)]
    before = seen(active(), *pods)

    timeline = passes.read(passes.decided(before, now=8)).timeline

    assert timeline is not None
    assert (timeline.building, timeline.scheduling, timeline.pulling) == (2.0, 2.0, 3.0)


def test_every_node_is_told_once() -> None:
    pods = [pod(0), pod(1).on_node("node-0"), pod(2)]

    wanted = passes.decided(seen(active(), *pods))

    placement = passes.read(wanted).placement
    assert placement is not None
    assert placement.nodes == ["node-0", "node-2"]
    assert passes.condition(wanted, "Placed")[2] == "3 pods on nodes node-0, node-2"


def test_pods_on_one_node_are_so_told() -> None:
    pods = [pod(index).on_node("node-0").running() for index in range(3)]

    assert passes.condition(passes.decided(seen(active(), *pods)), "Running")[2] == (
        "3 pods on node node-0"
    )


def test_one_pod_that_fits_no_node_is_named() -> None:
    lost = builders.pod().index(1).unschedulable("0/1 nodes are available: 1 Insufficient cpu.")

    wanted = passes.decided(seen(active(), pod(0), lost, builders.pod().index(2)))

    placed, reason, message = passes.condition(wanted, "Placed")
    assert (placed, reason) == ("False", "InsufficientNow")
    assert message.startswith("pod gestures-1-1-abcde: nodes would do")


def test_pods_that_are_missing_are_waited_for() -> None:
    wanted = passes.decided(seen(active(), pod(0).running(), pod(2).running()), now=4)

    assert "Placed" not in passes.reasons(wanted)
    assert "Running" not in passes.reasons(wanted)
    assert wanted.inquiry is not None
    assert wanted.inquiry.kind == "Job"
    assert passes.read(wanted).phase is phases.Phase.STARTING


def test_the_pod_that_has_been_silent_for_longest_is_asked_about() -> None:
    wanted = passes.decided(seen(active(), pod(0).running(), pod(1), pod(2)), now=20)

    assert wanted.inquiry is not None
    assert (wanted.inquiry.kind, wanted.inquiry.name) == ("Pod", "gestures-1-1-abcde")


def test_a_pod_that_never_starts_ends_the_job_at_its_deadline() -> None:
    pods = [pod(0).running(), pod(1).pull_failed("ErrImagePull", "no such manifest"), pod(2)]
    before = seen(active(), *pods)
    before = passes.stored(before, passes.decided(before, now=5))

    wanted = passes.decided(before, now=1801)

    assert passes.condition(wanted, "Failed")[1] == "StartupDeadlineExceeded"
    assert "no such manifest" in passes.condition(wanted, "Failed")[2]


def test_the_pod_of_rank_0_speaks_for_the_job() -> None:
    other = told(outcome="succeeded", exitCode=0, samples=1, samplesPerSecond=1.0)
    pods = [pod(0).succeeded(), pod(1).exited(0, other), pod(2).exited(0, other)]

    found = passes.read(passes.decided(seen(builders.job().complete(30), *pods), now=31))

    assert found.phase is phases.Phase.SUCCEEDED
    assert found.result is not None
    assert (found.result.samples, found.result.samples_per_second) == (6400, 800.0)


def test_a_complete_job_waits_for_the_words_of_rank_0() -> None:
    pods = [pod(0).running(), pod(1).succeeded(), pod(2).succeeded()]
    complete = builders.job().complete(30)

    assert not passes.read(passes.decided(seen(complete, *pods), now=31)).phase.finished
    assert passes.read(passes.decided(seen(complete, *pods), now=40)).phase.finished


@pytest.mark.parametrize("index", range(3))
def test_the_pod_that_failed_is_the_one_that_is_blamed(index: int) -> None:
    failure = failed(*[pod(each).running() for each in range(index)], pod(index).exited(1, "boom"))

    assert (failure.pod, failure.node) == (pod(index).view().name, f"node-{index}")
    assert (failure.rank, failure.exit_code) == (index * 2, 1)


def test_the_account_says_which_process_of_a_pod_failed() -> None:
    assert failed(pod(0).running(), pod(1).exited(1, told(rank=3))).rank == 3


def test_the_first_failure_counts_and_not_the_lowest_rank() -> None:
    first = pod(2).exited(1, told(message="first", endTime=builders.T0 + 20.1), after=20)
    then = pod(0).exited(1, told(message="then", endTime=builders.T0 + 20.6), after=20)

    assert failed(then, first).message == "first"


def test_a_process_that_lost_its_peers_is_not_the_cause() -> None:
    lost = told(reason="PeersLost", **{"class": "CommTimeout"}, endTime=builders.T0 + 20.1)
    cause = told(message="the cause", endTime=builders.T0 + 20.6)

    failure = failed(pod(0).exited(1, lost), pod(1).exited(1, cause))

    assert (failure.message, failure.class_) == ("the cause", "UserCode")


def test_peers_that_are_all_lost_are_told_as_such() -> None:
    lost = told(reason="PeersLost", **{"class": "CommTimeout"}, message="can't be reached")

    failure = failed(*(pod(index).exited(1, lost) for index in range(3)))

    assert (failure.class_, failure.rank, failure.message) == ("CommTimeout", 0, "can't be reached")


def test_those_that_were_told_to_stop_are_not_blamed() -> None:
    failure = failed(pod(0).exited(75, STOPPED, after=10), pod(1).exited(1, told(), after=20))

    assert failure.message == "boom"


def test_a_node_that_was_lost_is_the_cause_of_what_follows() -> None:
    failure = failed(pod(0).exited(75, STOPPED, after=25), pod(2).node_lost())

    assert (failure.class_, failure.pod) == ("NodeLost", "gestures-1-2-abcde")


def test_a_process_without_memory_is_the_cause_of_what_follows() -> None:
    later = told(endTime=builders.T0 + 50)

    failure = failed(pod(0).exited(1, later, after=50), pod(1).oom_killed())

    assert failure.class_ == "HostOOM"


def test_a_pushed_failure_speaks_for_a_pod_that_is_gone() -> None:
    account = reports.Account("failed", 1, failure_class="Data", message="torn file", rank=5)
    gone = reports.Failure(observed.Uid("pod-uid-1-2"), account)

    failure = failed(failure=gone)

    assert (failure.class_, failure.message, failure.rank) == ("Data", "torn file", 5)


def test_a_pushed_failure_is_older_than_what_came_of_it() -> None:
    account = reports.Account("failed", 1, message="torn file", end_time=builders.T0 + 19)
    pushed = reports.Failure(observed.Uid("pod-uid-1-2"), account)

    failure = failed(pod(0).exited(1, told(), after=20), pod(2).running(), failure=pushed)

    assert (failure.message, failure.pod) == ("torn file", "gestures-1-2-abcde")


def test_all_that_were_told_to_stop_were_stopped() -> None:
    failure = failed(*(pod(index).exited(75, STOPPED) for index in range(3)))

    assert (failure.class_, failure.message) == ("Preempted", "told to stop")


def test_the_nodes_outlive_the_pods_that_the_job_ended() -> None:
    before = seen(active(), *(pod(index).running() for index in range(3)))
    before = passes.stored(before, passes.decided(before))
    ended = seen(builders.job().failed(30), pod(1).exited(1, told()))

    after = passes.read(passes.decided(dataclasses.replace(ended, job=before.job), now=31))

    assert after.placement is not None
    assert after.placement.nodes == ["node-0", "node-1", "node-2"]
    assert after.start_time == builders.at(3)


def test_a_pod_that_is_told_to_go_while_others_run_is_named() -> None:
    before = seen(active(), *(pod(index).running() for index in range(3)))
    before = passes.stored(before, passes.decided(before))
    going = seen(active(), pod(0).running(), pod(1).running().deleting(), pod(2).running())

    wanted = passes.decided(dataclasses.replace(going, job=before.job), now=12)

    assert passes.condition(wanted, "Running")[1] == "PodTerminating"
    assert "gestures-1-1-abcde" in passes.condition(wanted, "Running")[2]


def test_a_pod_beyond_the_jobs_size_does_not_count() -> None:
    found = gangs.of(seen(active(), pod(0), pod(7)))

    assert [each.index for each in found.pods] == [0]


def test_what_one_pod_says_stands_for_what_all_say() -> None:
    late, early = builders.pod().index(1).unschedulable("none"), builders.pod().index(0)
    before = seen(active(), early, late)
    before = passes.stored(before, passes.decided(before))
    both = seen(active(), early.unschedulable("none"), late)

    assert passes.decided(dataclasses.replace(both, job=before.job)).status is None


def test_a_pull_that_fails_in_every_pod_is_told_once() -> None:
    def failing(*indices: int) -> observed.Observation:
        pods = [pod(each) for each in range(3)]
        return seen(active(), *(p.pull_failed() if p.view().index in indices else p for p in pods))

    before = failing(1)
    before = passes.stored(before, passes.decided(before))

    assert passes.condition(passes.decided(failing(1)), "Running")[2].startswith(
        "pod gestures-1-1-abcde: i/o timeout; check the image's name"
    )
    for indices in ((0, 1), (0, 1, 2)):
        again = dataclasses.replace(failing(*indices), job=before.job)
        assert passes.decided(again).status is None


def test_a_pull_that_is_tried_again_keeps_the_name_of_its_pod() -> None:
    before = seen(active(), pod(0), pod(1).pull_failed(), pod(2))
    before = passes.stored(before, passes.decided(before))
    backing = seen(active(), pod(0), pod(1).pull_failed("ImagePullBackOff", "Back-off"), pod(2))

    assert passes.decided(dataclasses.replace(backing, job=before.job)).status is None
