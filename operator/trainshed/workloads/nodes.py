"""On which nodes a job's image can run: those of its platforms, within what the job asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainshed.api import image as image_api
from trainshed.api import spec

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_KEYS = ("kubernetes.io/os", "kubernetes.io/arch")
"""Labels that the kubelet gives every node."""

Expressions = Sequence[Mapping[str, Any]]


def fitting(
    affinity: Mapping[str, Any] | None,
    platforms: Sequence[str],
    alternatives: Sequence[Mapping[str, str]] = (),
    excluded: Expressions = (),
    avoided: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the pod's affinity: what is asked, and nodes of these platforms.

    `platforms`: empty for any. `alternatives`: sets of labels, one of which a node must have.
    `excluded`: expressions that keep nodes off. `avoided`: names of nodes that are kept off.

    A part that is no affinity stays as it was written: the API server refuses it in its own words.
    """
    asked = dict(affinity or {})
    if not platforms and not alternatives and not excluded and not avoided:
        return asked
    node = asked.get("nodeAffinity") or {}
    if not isinstance(node, Mapping):
        return asked
    found = [*_expressions(platforms), *excluded]
    named = [_other_than(each) for each in avoided]
    ways = [_term(each, named) for each in _either(found, alternatives)]
    required = _bounded(node.get(_REQUIRED), ways)
    return {**asked, "nodeAffinity": {**node, _REQUIRED: required}}


def selector(found: spec.TrainingJobSpec, labels: Mapping[str, str] | None = None) -> str:
    """Return the label selector of the nodes that a job with an image of its own may run on.

    `labels`: those of the nodes of its accelerator.

    Only what `nodeSelector` says is in it: what an affinity admits can't be written as labels.
    """
    asked = found.pod.node_selector if found.pod is not None else None
    wanted = {**(asked or {}), **(labels or {})}
    pairs = [f"{key}={value}" for key, value in sorted(wanted.items())]
    sets = [
        f"{each['key']} in ({','.join(each['values'])})"
        for each in _expressions(image_api.platforms(found.image))
    ]
    return ",".join([*pairs, *sets])


def _either(
    found: Expressions, alternatives: Sequence[Mapping[str, str]]
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield what a node must have, in each of the ways."""
    for labels in alternatives or ({},):
        own = ({"key": key, "operator": "In", "values": [labels[key]]} for key in sorted(labels))
        yield [*found, *own]


def _other_than(name: str) -> Mapping[str, Any]:
    """Return what keeps one node off: by its name, as its labels may say another."""
    return {"key": "metadata.name", "operator": "NotIn", "values": [name]}


def _term(labels: Expressions, fields: Expressions) -> Mapping[str, Expressions]:
    parts = {"matchExpressions": labels, "matchFields": fields}
    return {name: found for name, found in parts.items() if found}


def _bounded(required: Any, ways: Sequence[Mapping[str, Expressions]]) -> Any:
    """Return a node selector with ours in each of its terms: one term of several is enough."""
    if required is None:
        return {"nodeSelectorTerms": list(ways)}
    terms = required.get("nodeSelectorTerms") if isinstance(required, Mapping) else None
    if not isinstance(terms, list):
        return required
    bounded = [_with(each, way) for each in terms for way in ways]
    return {**required, "nodeSelectorTerms": bounded}


def _with(term: Any, way: Mapping[str, Expressions]) -> Any:
    # A term that is written empty takes no node, and must not come to take some.
    if not isinstance(term, Mapping) or not term:
        return term
    own = {name: term.get(name) or [] for name in way}
    if not all(isinstance(each, list) for each in own.values()):
        return term
    return {**term, **{name: [*own[name], *found] for name, found in way.items()}}


def _expressions(platforms: Sequence[str]) -> list[dict[str, Any]]:
    if not platforms:
        return []
    values = zip(*(each.split("/") for each in platforms), strict=True)
    return [
        {"key": key, "operator": "In", "values": sorted(set(each))}
        for key, each in zip(_KEYS, values, strict=True)
    ]
