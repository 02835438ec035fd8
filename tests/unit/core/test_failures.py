"""Whose failure it is: the table of classes."""

import json
from collections.abc import Callable

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases, reasons
from trainshed.core import failures, reports

Pod = builders.PodBuilder


def told(**fields: object) -> str:
    """Return the termination message of a failed run."""
    return json.dumps(builders.account_document(outcome="failed", exitCode=1, **fields))


def exited(code: int, message: str = "", reason: str = "") -> Callable[[], Pod]:
    """Return a pod on a node that ended so."""
    return lambda: builders.pod().on_node().exited(code, message, reason=reason)


CASES: dict[str, tuple[Callable[[], Pod], str, str, str]] = {
    "the user's code raises": (
        exited(1, "Traceback\nValueError: no"),
        *("UserCode", "UserCodeFailed", "exit code 1: ValueError: no"),
    ),
    "the launcher tells of the user's code": (
        exited(1, told(**{"class": "UserCode", "reason": "ValueError", "message": "no such key"})),
        *("UserCode", "ValueError", "no such key"),
    ),
    "a batch larger than the data": (
        exited(
            2,
            told(
                **{
                    "class": "Data",
                    "reason": "BatchLargerThanData",
                    "message": "lower training.batchSize to 1437",
                }
            ),
        ),
        *("Data", "BatchLargerThanData", "lower training.batchSize to 1437"),
    ),
    "an account without a reason takes its class's": (
        exited(1, told(**{"class": "HostOOM"})),
        *("HostOOM", "HostOutOfMemory", "ended as failed"),
    ),
    "an account whose reason is a sentence": (
        exited(1, told(**{"class": "UserCode", "reason": "it broke, sorry"})),
        *("UserCode", "UserCodeFailed", "ended as failed"),
    ),
    "an account whose class is unknown": (
        exited(1, told(**{"class": "Gremlins", "message": "boo"})),
        *("UserCode", "UserCodeFailed", "boo"),
    ),
    "exit code 2 without an account": (
        exited(2, "bad flag"),
        *("UserCode", "UserCodeFailed", "exit code 2: bad flag"),
    ),
    "the kernel kills it for memory": (
        lambda: builders.pod().on_node().oom_killed(),
        *("HostOOM", "HostOutOfMemory", "more memory than its limit"),
    ),
    "memory runs out although the account says otherwise": (
        exited(137, told(**{"class": "UserCode"}), "OOMKilled"),
        *("HostOOM", "HostOutOfMemory", "more memory than its limit"),
    ),
    "a signal": (
        exited(139, "Segmentation fault"),
        *("Unknown", "UnknownFailure", "signal 11: Segmentation fault"),
    ),
    "a command that the image lacks": (
        exited(128, 'exec: "trian": executable file not found in $PATH', "StartError"),
        *("UserCode", "StartFailed", 'exec: "trian": executable file not found'),
    ),
    "told to stop by nobody knows whom": (
        exited(75, json.dumps(builders.account_document(outcome="stopped", exitCode=75))),
        *("Preempted", "Preempted", "stopped from outside"),
    ),
    "killed after its account of success": (
        exited(137, json.dumps(builders.account_document())),
        *("Unknown", "UnknownFailure", "signal 9"),
    ),
    "evicted by the kubelet": (
        lambda: builders.pod().on_node().evicted("low on memory"),
        *("Preempted", "Preempted", "low on memory"),
    ),
    "evicted although the account says otherwise": (
        lambda: builders.pod().on_node().exited(1, told()).evicted("low on memory"),
        *("Preempted", "Preempted", "low on memory"),
    ),
    "preempted by the scheduler": (
        lambda: (
            builders.pod()
            .on_node()
            .exited(143)
            .condition("DisruptionTarget", "True", "PreemptionByScheduler", "for a better job")
        ),
        *("Preempted", "Preempted", "for a better job"),
    ),
    "its node is gone": (
        lambda: builders.pod().on_node().node_lost(),
        *("NodeLost", "NodeLost", "node no longer exists"),
    ),
    "its node is tainted": (
        lambda: (
            builders.pod()
            .on_node()
            .phase("Failed")
            .condition("DisruptionTarget", "True", "DeletionByTaintManager", "deleting")
        ),
        *("NodeLost", "NodeLost", "deleting"),
    ),
    "its node is lost the old way": (
        lambda: builders.pod().on_node("node-3").phase("Failed", "NodeLost", "unresponsive"),
        *("NodeLost", "NodeLost", "node-3"),
    ),
    "the kubelet does not admit it": (
        lambda: builders.pod().on_node().phase("Failed", "OutOfcpu", "not enough cpu"),
        *("Preempted", "Preempted", "OutOfcpu: not enough cpu"),
    ),
    "its node has no sound device for it": (
        lambda: (
            builders.pod()
            .on_node("node-3")
            .phase("Failed", "UnexpectedAdmissionError", "no healthy devices present")
        ),
        *("NodeLost", "NodeLost", "node node-3 did not give the pod its devices: no healthy"),
    ),
    "failed, and nobody says why": (
        lambda: builders.pod().on_node().phase("Failed"),
        *("Unknown", "UnknownFailure", "phase Failed"),
    ),
}


@pytest.mark.parametrize(
    ("pod", "class_", "reason", "message"), list(CASES.values()), ids=list(CASES)
)
def test_a_failure_has_its_class_its_reason_and_its_message(
    pod: Callable[[], Pod], class_: str, reason: str, message: str
) -> None:
    job = builders.job().failed(30)
    seen = builders.observation(build=facts.built(), workload=job, pods=[pod()])

    wanted = passes.decided(seen, now=41)

    status = passes.read(wanted)
    assert status.phase is phases.Phase.FAILED
    assert status.failure is not None
    assert status.failure.class_ == class_
    assert passes.condition(wanted, "Failed")[:2] == ("True", reason)
    assert message in status.failure.message
    assert status.failure.advice
    told = f"{status.failure.message}; {status.failure.advice}"
    assert passes.condition(wanted, "Failed")[2] == told
    assert status.failure.pod == "gestures-1-0-abcde"


def test_a_failure_keeps_rank_node_exit_code_and_the_logs_end() -> None:
    pod = builders.pod().on_node("node-4").exited(1, told(rank=3, logTail="last words"))
    seen = builders.observation(build=facts.built(), workload=builders.job().failed(30), pods=[pod])

    failure = passes.read(passes.decided(seen, now=31)).failure

    assert failure is not None
    assert (failure.rank, failure.node, failure.exit_code) == (3, "node-4", 1)
    assert failure.log_tail == "last words"


def test_a_log_stands_in_for_a_missing_account() -> None:
    pod = builders.pod().on_node().exited(1, "x" * 5000 + "\nthe end")
    seen = builders.observation(build=facts.built(), workload=builders.job().failed(30), pods=[pod])

    failure = passes.read(passes.decided(seen, now=31)).failure

    assert failure is not None
    assert failure.log_tail is not None
    assert failure.log_tail.endswith("the end")
    assert len(failure.log_tail) == 2048


def test_a_pod_that_is_gone_leaves_the_jobs_own_word() -> None:
    job = builders.job().failed(30, "Job has reached the specified backoff limit")
    seen = builders.observation(build=facts.built(), workload=job)

    wanted = passes.decided(seen, now=41)

    assert passes.condition(wanted, "Failed")[1:] == (
        "UnknownFailure",
        "Job gestures-1 failed and its pod is gone: Job has reached the specified backoff limit;"
        " read the pod's log and events (kubectl describe pod), then create the job anew",
    )


def test_a_pod_that_a_lost_node_took_with_it_is_still_told_of() -> None:
    gone = builders.pod().on_node("node-4").running().node_lost().view()
    seen = builders.observation(
        build=facts.built(), workload=builders.job().failed(30), departed=(gone,)
    )

    wanted = passes.decided(seen, now=31)

    failure = passes.read(wanted).failure
    assert failure is not None
    assert (failure.class_, failure.node, failure.pod) == ("NodeLost", "node-4", gone.name)
    assert passes.condition(wanted, "Failed")[1] == "NodeLost"


def test_a_pod_that_is_gone_is_spoken_for_by_its_last_push() -> None:
    account = reports.Account("failed", 1, failure_class="UserCode", message="no such key")
    push = facts.progress(40, received=29, account=account)
    seen = builders.observation(
        build=facts.built(), workload=builders.job().failed(30), progress=push
    )

    wanted = passes.decided(seen, now=41)

    assert passes.condition(wanted, "Failed")[1:] == (
        "UserCodeFailed",
        "no such key; read failure.logTail and the pod's log, mend the code, create the job anew",
    )


@pytest.mark.parametrize("class_", reasons.FailureClass)
def test_every_class_has_advice(class_: reasons.FailureClass) -> None:
    failed = failures.Failed(reason="X", message="y", failure_class=class_)

    assert failed.status().advice
