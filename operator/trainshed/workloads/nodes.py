"""On which nodes a job's image can run: those of its platforms, within what the job asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.api import image as image_api
from trainshed.api import spec

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


def selector(found: spec.TrainingJobSpec) -> str:
    """Return the label selector of the nodes that a job with an image of its own may run on.

    Only what `nodeSelector` says is in it: what an affinity admits can't be written as labels.
    """
    asked = found.pod.node_selector if found.pod is not None else None
    pairs = [f"{key}={value}" for key, value in sorted((asked or {}).items())]
    sets = [
        f"{each['key']} in ({','.join(each['values'])})"
        for each in _expressions(image_api.platforms(found.image))
    ]
    return ",".join([*pairs, *sets])


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
