"""Why no node takes a pod: by the scheduler's words, by what nodes there are, and who has them."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed.accelerators import choices, fitting, holders, reach
from trainshed.api import reasons
from trainshed.core import observed, scheduling

Reason = reasons.Reason
Cause = scheduling.Cause
Stage = fitting.Stage

MADE = "an autoscaler makes a node"
"""How a message begins that is by an autoscaler's word."""
_OF_STAGE = {
    Stage.SELECTED: Reason.AFFINITY_MISMATCH,
    Stage.TAINTED: Reason.TAINTED,
    Stage.BROKEN: Reason.NODES_UNAVAILABLE,
}
_OTHER = "change pod.nodeSelector, pod.tolerations or resources in a new job, or add such a node"
_BY_WORDS = {
    Cause.VOLUME: (
        Reason.VOLUME_UNAVAILABLE,
        "a claim is missing or not bound, or its volume can't be had where the pod could run",
        "create the claim, or see why it is not bound and in which zone its volume is"
        " (kubectl describe pvc)",
    ),
    Cause.PODS: (
        Reason.AFFINITY_MISMATCH,
        "where other pods are keeps this one from every node",
        "change pod.affinity in a new job, or add a node",
    ),
    Cause.AFFINITY: (
        Reason.AFFINITY_MISMATCH,
        "no node is what pod.nodeSelector, pod.affinity and the image's platforms ask for",
        "create the job anew without them, or label such a node",
    ),
    Cause.TAINT: (
        Reason.TAINTED,
        "the nodes that would do have a taint that the pod does not tolerate",
        "create the job anew with pod.tolerations for it",
    ),
    Cause.CORDON: (
        Reason.NODES_UNAVAILABLE,
        "the nodes that would do take no pods at the moment",
        "wait until they are back, uncordon them, or add a node",
    ),
    Cause.PEERS: (
        Reason.INSUFFICIENT_NOW,
        "a node would take the pod, but all of the job's are placed or none, and others have none",
        "wait until there is room for all, ask for fewer replicas in a new job, or add a node",
    ),
    Cause.OTHER: (Reason.UNSCHEDULABLE, "no node takes the pod", _OTHER),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is known of a job whose pods wait for nodes."""

    seen: observed.Observation
    chosen: choices.Choice
    need: fitting.Need
    reach: reach.Reach | None
    gathers: bool = False
    """Whether other pods of the job would have nodes, and wait for this one."""

    @property
    def scaling(self) -> observed.Scaling:
        """Return what an autoscaler tells."""
        return self.seen.scaling or observed.Scaling()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pod has no node, what of, and what to do."""

    reason: Reason
    said: str
    do: str

    @property
    def unknown(self) -> bool:
        """Return whether it may come right without anybody's doing: a node is to come."""
        return self.reason is Reason.WAITING_FOR_AUTOSCALER


def of(waiting: Waiting, message: str) -> Verdict:
    """Return why no node takes a pod, of which the scheduler says `message`."""
    words = scheduling.read(message)
    found = _judged(waiting, words)
    said = f"{found.said} (the scheduler: {words.text})"
    if away := ", ".join(waiting.chosen.avoided):
        said += f" (left out after failures there: {away})"
    told = waiting.scaling
    if told.words and not told.makes:
        said += f" (the autoscaler: {told.words})"
    return Verdict(found.reason, said, found.do)


def _judged(waiting: Waiting, words: scheduling.Words) -> Verdict:
    if waiting.scaling.makes:
        said = f"{MADE}: {waiting.scaling.words}"
        return Verdict(Reason.WAITING_FOR_AUTOSCALER, said, "the pod starts there by itself")
    if words.cause in (Cause.VOLUME, Cause.PEERS):
        return Verdict(*_BY_WORDS[words.cause])
    at = waiting.reach
    if at is not None and at.miss is not None:
        return _missed(waiting, at)
    if words.cause is Cause.ROOM:
        return _insufficient(waiting, words)
    if at is not None and at.problems and words.cause is not Cause.PODS:
        reason, _, do = _BY_WORDS[Cause.CORDON]
        takes = "takes" if at.nodes == 1 else "take"
        said = f"{_nodes(at)} would do, but {takes} no pod now: {', '.join(at.problems)}"
        return Verdict(reason, said, do)
    return Verdict(*_BY_WORDS[words.cause])


def _missed(waiting: Waiting, at: reach.Reach) -> Verdict:
    """Return why no node that there is can ever hold the pod."""
    assert at.miss is not None
    spec = waiting.chosen.spec
    pool = spec.scale_from_zero if spec is not None else None
    if pool is not None and pool.allocatable >= waiting.need.devices:
        nodes = "1 node" if pool.max_nodes == 1 else f"{pool.max_nodes} nodes"
        return Verdict(
            Reason.WAITING_FOR_AUTOSCALER,
            f"no node that there is can hold the pod, and the pool{at.of} may have up to {nodes}:"
            f" {at.miss.said}",
            "wait until its autoscaler has made one, or see whether it runs and why it makes none",
        )
    return Verdict(_OF_STAGE.get(at.stage, Reason.NO_NODE_FITS), at.miss.said, at.miss.do)


def _insufficient(waiting: Waiting, words: scheduling.Words) -> Verdict:
    """Return who has what the pod waits for."""
    chosen, devices = waiting.chosen, waiting.seen.devices
    if chosen.resource in words.lacking and devices is not None and chosen.class_:
        totals, own = devices.of(chosen.class_), waiting.seen.job.key
        said = holders.told(totals, chosen, own=own, together=waiting.gathers)
        do = "wait until they are free, ask for fewer in a new job, or add a node"
        return Verdict(Reason.INSUFFICIENT_NOW, said, do)
    lacks = " and ".join(words.lacking) or "room"
    lacks = lacks.replace("pods", "room for one more pod")
    who = f"{_nodes(waiting.reach)} would do" if waiting.reach is not None else "nodes would do"
    return Verdict(
        Reason.INSUFFICIENT_NOW,
        f"{who}, but none has enough {lacks} free now",
        "wait until other pods have ended, lower resources in a new job, or add a node",
    )


def _nodes(at: reach.Reach) -> str:
    return f"{'1 node' if at.nodes == 1 else f'{at.nodes} nodes'}{at.of}"
