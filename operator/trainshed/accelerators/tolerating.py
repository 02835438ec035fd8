"""Whether a pod bears the taints of a node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trainshed.accelerators import nodes
from trainshed.api import pod as pod_api


def unborne(
    taints: Iterable[nodes.Taint], tolerations: Sequence[pod_api.Toleration]
) -> nodes.Taint | None:
    """Return the first taint that no toleration bears; None where all are borne."""
    return next(
        (taint for taint in taints if not any(_bears(each, taint) for each in tolerations)), None
    )


def _bears(toleration: pod_api.Toleration, taint: nodes.Taint) -> bool:
    if toleration.effect is not None and toleration.effect != taint.effect:
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or (toleration.value or "") == taint.value
