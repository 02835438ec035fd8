"""The scheduler's message on a pod, read: which of its filters stopped the nodes that came nearest.

A message counts nodes by the first filter that each failed (kube-scheduler 1.26 to 1.36). A node
that failed a late one had passed the others, so the latest filter says what keeps the pod.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Cause(enum.Enum):
    """What keeps a pod from its node."""

    VOLUME = enum.auto()
    PODS = enum.auto()
    """Where other pods are: affinity to them, spread."""
    ROOM = enum.auto()
    AFFINITY = enum.auto()
    TAINT = enum.auto()
    CORDON = enum.auto()
    PEERS = enum.auto()
    """A node would take it, but not all pods of its gang have one."""
    OTHER = enum.auto()


_SIGNS = (
    # The last of the scheduler's filters first.
    (Cause.PODS, re.compile(r"pod (anti-)?affinity|pods anti-affinity|topology spread")),
    (
        Cause.VOLUME,
        re.compile(
            r"persistent ?volume|volume node affinity|volume zone|pvc\(s\)|free storage"
            r"|max volume count|no available disk|ephemeral volume",
            re.IGNORECASE,
        ),
    ),
    (Cause.ROOM, re.compile(r"\bInsufficient |\bToo many pods")),
    (Cause.AFFINITY, re.compile(r"node affinity|node selector|requested node name")),
    (Cause.TAINT, re.compile(r"\btaints?\b|taint\(s\)")),
    (Cause.CORDON, re.compile(r"were unschedulable|unknown conditions")),
    (Cause.PEERS, re.compile(r"waiting for minCount pods from a gang")),
)
_PREEMPTION = re.compile(r"[.,]?\s*(no new claims to deallocate[.,]?\s*)?preemption:.*$", re.DOTALL)
"""What follows is about pods that would have to go, not about the nodes."""
_LACKS = re.compile(r"Insufficient ([A-Za-z0-9./_-]*[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Words:
    """What the scheduler said."""

    text: str
    """Without what it says of preemption."""
    cause: Cause
    lacking: tuple[str, ...] = ()
    """Resources of which nodes have too little left; `pods`: of those too many are there."""


def waits_for_peers(message: str) -> bool:
    """Return whether a node would take the pod, if all of its gang had one."""
    return read(message).cause is Cause.PEERS


def read(message: str) -> Words:
    """Return the words of a condition's message."""
    text = _PREEMPTION.sub("", message).strip().rstrip(". ") or "no node takes the pod"
    cause = next((each for each, sign in _SIGNS if sign.search(text)), Cause.OTHER)
    lacking = list(dict.fromkeys(_LACKS.findall(text)))
    if "Too many pods" in text:
        lacking.append("pods")
    return Words(text, cause, tuple(lacking))
