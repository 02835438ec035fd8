"""Whether a node has the labels that a pod asks for, as far as a shape tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.accelerators import nodes

Affinity = Mapping[str, Any] | None
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def selected(shape: nodes.Shape, labels: Mapping[str, str]) -> bool:
    """Return whether a node has all the labels."""
    return all(
        (key, value) in shape.labels for key, value in labels.items() if key != nodes.HOSTNAME
    )


def admitted(shape: nodes.Shape, affinity: Affinity) -> bool:
    """Return whether the affinity of a pod lets it on a node.

    What is asked of one node's own name, and what is no affinity at all, is the scheduler's and
    the API server's to judge: it passes here.
    """
    terms = _terms(affinity)
    return terms is None or any(_fits(shape, each) for each in terms)


def keys(labels: Mapping[str, str], affinity: Affinity) -> set[str]:
    """Return the labels that a pod's place depends on."""
    found = set(labels)
    for term in _terms(affinity) or ():
        asked = term.get("matchExpressions") if isinstance(term, Mapping) else None
        found |= {str(each.get("key")) for each in asked or () if isinstance(each, Mapping)}
    return found


def _terms(affinity: Affinity) -> Sequence[Any] | None:
    found: Any = affinity
    for name in ("nodeAffinity", _REQUIRED, "nodeSelectorTerms"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found if isinstance(found, list) else None


def _fits(shape: nodes.Shape, term: Any) -> bool:
    if not isinstance(term, Mapping) or not term:
        return False
    expressions = term.get("matchExpressions") or ()
    return all(_holds(shape, each) for each in expressions if isinstance(each, Mapping))


def _holds(shape: nodes.Shape, asked: Mapping[str, Any]) -> bool:
    key, values = str(asked.get("key")), asked.get("values") or ()
    if key == nodes.HOSTNAME:
        return True
    has = shape.label(key)
    match asked.get("operator"):
        case "In":
            return has in values
        case "NotIn":
            return has not in values
        case "Exists":
            return has is not None
        case "DoesNotExist":
            return has is None
        case "Gt":
            return _number(has) is not None and _more(has, values)
        case "Lt":
            return _number(has) is not None and _less(has, values)
        case _:
            return True


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def _more(has: str | None, values: Sequence[Any]) -> bool:
    found, bound = _number(has), _number(str(values[0])) if values else None
    return found is not None and bound is not None and found > bound


def _less(has: str | None, values: Sequence[Any]) -> bool:
    found, bound = _number(has), _number(str(values[0])) if values else None
    return found is not None and bound is not None and found < bound
