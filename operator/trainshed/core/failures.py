"""Classifies the end of an attempt: whose failure it is, and what to do about it."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from trainshed.api import reasons, status
from trainshed.core import observed, reports

Class = reasons.FailureClass
Reason = reasons.Reason

_REASON = re.compile(r"^[A-Z][A-Za-z0-9]{2,63}$")
_DISRUPTIONS = {
    "DeletionByTaintManager": (Class.NODE_LOST, Reason.NODE_LOST),
    "DeletionByPodGC": (Class.NODE_LOST, Reason.NODE_LOST),
    "PreemptionByScheduler": (Class.PREEMPTED, Reason.PREEMPTED),
    "TerminationByKubelet": (Class.PREEMPTED, Reason.PREEMPTED),
    "EvictionByEvictionAPI": (Class.PREEMPTED, Reason.PREEMPTED),
}
_NOT_GIVEN = "UnexpectedAdmissionError"
"""The kubelet's word, where a device plugin has no healthy device for a pod, or does not answer."""
_REASONS = {
    Class.USER_CODE: Reason.USER_CODE,
    Class.DATA: Reason.USER_CODE,
    Class.HOST_OOM: Reason.HOST_OOM,
    Class.NODE_LOST: Reason.NODE_LOST,
    Class.PREEMPTED: Reason.PREEMPTED,
    Class.COMM_TIMEOUT: Reason.PEERS_LOST,
}
_REFUSALS: dict[str, reasons.FailureClass] = {
    Reason.ENTRY_POINT_NOT_FOUND: Class.USER_CODE,
    Reason.IMAGE_PULL_FAILED: Class.IMAGE_PULL,
    Reason.QUOTA_EXCEEDED: Class.QUOTA,
}
_ADVICE = {
    Class.USER_CODE: "read failure.logTail and the pod's log, mend the code, create the job anew",
    Class.HOST_OOM: "raise resources.memory or lower training.batchSize, then create the job anew",
    Class.NODE_LOST: "create the job anew: its node went away while it ran, or is at fault",
    Class.PREEMPTED: "create the job anew: the cluster took its place for something else",
    Class.IMAGE_PULL: "check image.ref and image.pullSecrets, then create the job anew",
    Class.BUILD: "mend what the message names, then create the job anew",
    Class.DATA: "mend what the message names in the spec, the data or a volume, then create the job"
    " anew",
    Class.COMM_TIMEOUT: "read the other pods' logs, look for a network policy between them, then"
    " create the job anew",
    Class.QUOTA: "free quota or nodes, or ask for more, then create the job anew",
    Class.UNKNOWN: "read the pod's log and events (kubectl describe pod), then create the job anew",
}


@dataclass(frozen=True, slots=True)
class Failed:
    """The end of a job that did not succeed. `advises`: its message says what to do already."""

    reason: str
    message: str
    failure_class: reasons.FailureClass
    rank: int | None = None
    fold: int | None = None
    pod: str | None = None
    node: str | None = None
    exit_code: int | None = None
    log_tail: str | None = None
    advises: bool = False

    def status(self) -> status.FailureStatus:
        """Return what a person reads of it."""
        return status.FailureStatus.model_validate(
            {
                "class": self.failure_class,
                "rank": self.rank,
                "fold": self.fold,
                "pod": self.pod,
                "node": self.node,
                "exitCode": self.exit_code,
                "message": self.message,
                "logTail": self.log_tail,
                "advice": self.advice,
            }
        )

    @property
    def told(self) -> str:
        """Return the message of the condition: the cause, and what to do."""
        return self.message if self.advises else f"{self.message.rstrip('.')}; {self.advice}"

    @property
    def advice(self) -> str:
        """Return what to do next."""
        if self.failure_class is Class.USER_CODE and self.advises:
            # Before there was a container to have a log.
            return _ADVICE[Class.BUILD]
        return _ADVICE[self.failure_class]


def classify(
    *,
    pod: observed.PodView | None,
    account: reports.Account | None,
    workload: observed.JobView,
    processes: int = 1,
) -> Failed:
    """Return why the attempt failed.

    The cluster's own verdict on the pod comes first, since a process that is killed from outside
    can't know why; then the process's own account; then exit code and signal. `processes`: of each
    pod, whose first one's rank is told where the account has none.
    """
    if pod is None:
        class_, reason, message = _by_account(account) or _by_job(workload)
    else:
        class_, reason, message = (
            _by_disruption(pod) or _by_container(pod) or _by_account(account) or _by_exit(pod)
        )
    return Failed(
        reason=reason,
        message=message,
        failure_class=class_,
        rank=account.rank if account else (pod.index if pod else 0) * processes,
        pod=pod.name if pod else None,
        node=(pod.node if pod else None) or None,
        exit_code=pod.container.exit_code if pod else None,
        log_tail=_log_tail(pod, account),
    )


def of_fold(failed: Failed, fold: int | None) -> Failed:
    """Return a failure as that of a fold, which has no rank; None: nobody told of which one."""
    said = failed.message if fold is None else f"fold {fold}: {failed.message}"
    return dataclasses.replace(failed, message=said, fold=fold, rank=None)


def _log_tail(pod: observed.PodView | None, account: reports.Account | None) -> str | None:
    written = pod.container.message[-2048:] if pod is not None else ""
    return (account.log_tail if account is not None else written) or None


def refused(
    refusal: observed.Refusal | None, *, otherwise: reasons.FailureClass = Class.UNKNOWN
) -> reasons.FailureClass:
    """Return whose failure it is that a step was refused, from its reason and the server's words.

    The API server has no code for a quota: it answers 403 and says `exceeded quota`.
    """
    if refusal is None:
        return otherwise
    if "exceeded quota" in refusal.message:
        return Class.QUOTA
    return _REFUSALS.get(refusal.reason, otherwise)


def of_refusal(
    refusal: observed.Refusal, *, otherwise: reasons.FailureClass = Class.UNKNOWN
) -> Failed:
    """Return the end of a job whose step is refused for good."""
    return Failed(
        reason=refusal.reason,
        message=refusal.message,
        failure_class=refused(refusal, otherwise=otherwise),
        log_tail=refusal.log_tail or None,
        advises=True,
    )


def workload_gone(name: str) -> Failed:
    """Return the end of a job whose Job somebody deleted while it ran: what it did is lost."""
    return Failed(
        reason=Reason.WORKLOAD_GONE,
        message=f"Job {name} was deleted, or lost the operator's labels, while it ran",
        failure_class=Class.UNKNOWN,
    )


def sound_reason(told: str, otherwise: str) -> str:
    """Return a reason that came from outside, if it is one: CamelCase and short."""
    return told if _REASON.match(told) else otherwise


Verdict = tuple[reasons.FailureClass, str, str]


def _by_job(workload: observed.JobView) -> Verdict:
    failed = workload.condition("Failed")
    said = f": {failed.message}" if failed and failed.message else ""
    message = f"Job {workload.name} failed and its pod is gone{said}"
    return Class.UNKNOWN, Reason.UNKNOWN, message


def _by_disruption(pod: observed.PodView) -> Verdict | None:
    target = pod.condition("DisruptionTarget")
    if target is not None and target.status == "True":
        class_, reason = _DISRUPTIONS.get(target.reason, (Class.PREEMPTED, Reason.PREEMPTED))
        return class_, reason, f"pod {pod.name} was taken away: {target.message or target.reason}"
    if pod.reason == "NodeLost":
        return Class.NODE_LOST, Reason.NODE_LOST, f"node {pod.node} was lost: {pod.message}"
    if pod.reason == _NOT_GIVEN:
        said = f"node {pod.node} did not give the pod its devices: {pod.message}"
        return Class.NODE_LOST, Reason.NODE_LOST, said
    if pod.reason and pod.container.exit_code is None:
        return Class.PREEMPTED, Reason.PREEMPTED, f"{pod.reason}: {pod.message or pod.name}"
    return None


def _by_container(pod: observed.PodView) -> Verdict | None:
    container = pod.container
    if container.reason == "OOMKilled":
        return Class.HOST_OOM, Reason.HOST_OOM, "the container used more memory than its limit"
    if container.reason in ("StartError", "ContainerCannotRun"):
        said = container.message.strip()[-512:]
        return Class.USER_CODE, Reason.START_FAILED, f"the container can't be started: {said}"
    return None


def _by_account(account: reports.Account | None) -> Verdict | None:
    if account is None or account.outcome == "succeeded":
        return None
    known = account.failure_class in Class.__members__.values()
    if account.outcome == "stopped" and not known:
        said = account.message or "the training process was stopped from outside"
        return Class.PREEMPTED, Reason.PREEMPTED, said
    class_ = Class(account.failure_class) if known else Class.USER_CODE
    reason = sound_reason(account.reason, _REASONS.get(class_, Reason.UNKNOWN))
    return class_, reason, account.message or f"the training process ended as {account.outcome}"


def _by_exit(pod: observed.PodView) -> Verdict:
    container = pod.container
    if container.exit_code is None:
        return Class.UNKNOWN, Reason.UNKNOWN, f"pod {pod.name} ended in phase {pod.phase}"
    last = container.message.strip().rpartition("\n")[2][-512:]
    said = f": {last}" if last else ""
    if container.exit_code > 128:
        signal = container.exit_code - 128
        return Class.UNKNOWN, Reason.UNKNOWN, f"the process was ended by signal {signal}{said}"
    message = f"the command ended with exit code {container.exit_code}{said}"
    return Class.USER_CODE, Reason.USER_CODE, message
