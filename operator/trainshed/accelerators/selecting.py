"""Whether a node has the labels that a pod asks for, as far as a shape tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.accelerators import nodes

Affinity = Mapping[str, Any] | None
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_WHOLE = re.compile("[+-]?[0-9]+")


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
    asked = (each.get("key") for term in _terms(affinity) or () for each in _expressions(term))
    return {*labels, *(key for key in asked if isinstance(key, str))}


def _terms(affinity: Affinity) -> Sequence[Any] | None:
    found: Any = affinity
    for name in ("nodeAffinity", _REQUIRED, "nodeSelectorTerms"):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found if isinstance(found, list) else None


def _expressions(term: Any) -> Sequence[Mapping[str, Any]]:
    found = term.get("matchExpressions") if isinstance(term, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else ()


def _fits(shape: nodes.Shape, term: Any) -> bool:
    if term is None or term == {}:
        return False
    return all(_holds(shape, each) for each in _expressions(term))


def _holds(shape: nodes.Shape, asked: Mapping[str, Any]) -> bool:
    key, operator, values = asked.get("key"), asked.get("operator"), _strings(asked.get("values"))
    if not isinstance(key, str) or key == nodes.HOSTNAME or values is None:
        return True
    has = shape.label(key)
    match operator:
        case "In" if values:
            return has in values
        case "NotIn" if values:
            return has not in values
        case "Exists":
            return has is not None
        case "DoesNotExist":
            return has is None
        case "Gt" | "Lt":
            return _compares(has, values, more=operator == "Gt")
        case _:
            return True


def _strings(values: Any) -> Sequence[str] | None:
    """Return the values of an expression; None for what are none."""
    if values is None:
        return ()
    sound = isinstance(values, list) and all(isinstance(each, str) for each in values)
    return values if sound else None


def _compares(has: str | None, values: Sequence[str], *, more: bool) -> bool:
    bound = _number(values[0]) if len(values) == 1 else None
    if bound is None:
        return True
    found = _number(has or "")
    return found is not None and (found > bound if more else found < bound)


def _number(text: str) -> int | None:
    try:
        return int(text) if _WHOLE.fullmatch(text) else None
    except ValueError:  # far too many digits
        return None
