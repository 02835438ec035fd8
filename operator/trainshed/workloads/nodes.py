"""On which nodes a job's image can run: those of its platforms, within what the job asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_KEYS = ("kubernetes.io/os", "kubernetes.io/arch")
"""Labels that the kubelet gives every node."""

Expressions = Sequence[Mapping[str, Any]]


def fitting(affinity: Mapping[str, Any] | None, platforms: Sequence[str]) -> dict[str, Any]:
    """Return the pod's affinity: what is asked, and nodes of these platforms.

    A part that is no affinity stays as it was written: the API server refuses it in its own words.
    """
    asked = dict(affinity or {})
    node = asked.get("nodeAffinity") or {}
    if not isinstance(node, Mapping):
        return asked
    required = _bounded(node.get(_REQUIRED), _expressions(platforms))
    return {**asked, "nodeAffinity": {**node, _REQUIRED: required}}


def _bounded(required: Any, found: Expressions) -> Any:
    """Return a node selector with ours in each of its terms: one term of several is enough."""
    if required is None:
        return {"nodeSelectorTerms": [{"matchExpressions": found}]}
    terms = required.get("nodeSelectorTerms") if isinstance(required, Mapping) else None
    if not isinstance(terms, list):
        return required
    return {**required, "nodeSelectorTerms": [_with(each, found) for each in terms]}


def _with(term: Any, found: Expressions) -> Any:
    # A term that is written empty takes no node, and must not come to take some.
    if not isinstance(term, Mapping) or not term:
        return term
    own = term.get("matchExpressions") or []
    return {**term, "matchExpressions": [*own, *found]} if isinstance(own, list) else term


def _expressions(platforms: Sequence[str]) -> list[dict[str, Any]]:
    values = zip(*(each.split("/") for each in platforms), strict=True)
    return [
        {"key": key, "operator": "In", "values": sorted(set(each))}
        for key, each in zip(_KEYS, values, strict=True)
    ]
