"""An AcceleratorClass as placement reads it, and which nodes are of it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydantic

from trainshed.accelerators import nodes, patterns
from trainshed.api import accelerator_class as api

Type = api.Type
_PLAIN = re.compile(r"[A-Za-z0-9/_.-]+")
_OPEN = (
    "leaves open what the devices of a pool without a node are called: have it name one beside"
    " scaleFromZero"
)


@dataclass(frozen=True, slots=True)
class Class:
    """A class; `problem` says why it can't be used, in a sentence."""

    name: str
    spec: api.AcceleratorClassSpec | None
    generation: int = 1
    problem: str = ""

    @property
    def type(self) -> Type:
        """Return its type; only of a class without a problem."""
        assert self.spec is not None
        return self.spec.type

    @property
    def variant(self) -> str:
        """Return which default base images its jobs have; empty for the plain."""
        return self.spec.variant if self.spec is not None else ""

    @property
    def everywhere(self) -> bool:
        """Return whether every node is of it, which only a class of CPUs can say."""
        match = self.spec.match if self.spec is not None else None
        return match is None or not (match.node_labels or match.any_node_labels or match.without)

    @property
    def told(self) -> bool:
        """Return whether it can stand for its type: its nodes are known by something."""
        if self.spec is None or self.problem:
            return False
        match = self.spec.match or api.Match()
        by_device = match.resource_pattern is not None
        return by_device or self.type is Type.CPU or not self.everywhere

    @property
    def counted(self) -> bool:
        """Return whether nodes tell how many of its devices they have: of a device plugin's."""
        match = self.spec.match if self.spec is not None else None
        return match is not None and match.resource_pattern is not None

    @property
    def keys(self) -> set[str]:
        """Return the labels by which its nodes are known."""
        match = (self.spec.match if self.spec is not None else None) or api.Match()
        return {
            *(match.node_labels or {}),
            *(key for labels in match.any_node_labels or () for key in labels),
            *(each.key for each in match.without or ()),
        }

    @property
    def plain(self) -> str:
        """Return the resource where the pattern leaves but one, as of a pool without a node.

        Of any other pattern only a node tells the name: empty.
        """
        match = self.spec.match if self.spec is not None else None
        pattern = (match.resource_pattern if match is not None else None) or ""
        name = pattern.removeprefix("^").removesuffix("$").replace("\\.", ".").replace("\\-", "-")
        return name if _PLAIN.fullmatch(name) else ""

    def resource(self, shape: nodes.Shape) -> str | None:
        """Return the resource of its devices on a node of it.

        Empty for a CPU, and for devices that are claimed. None: the node is not of this class.
        """
        if self.spec is None or self.problem:
            return None
        match = self.spec.match or api.Match()
        if not labelled(shape, match):
            return None
        if match.resource_pattern is None:
            return ""
        pattern = _compiled(match.resource_pattern)
        return next((key for key in shape.resources() if pattern.fullmatch(key)), None)

    def names(self, shape: nodes.Shape, known: str) -> tuple[str, ...]:
        """Return all resources of its devices on a node of it, of which one is known.

        One of which nothing is given may have gone, where others are given: a GPU was cut anew.
        """
        if not known or self.plain:
            return (known,)
        found = tuple(key for key in shape.resources() if self.has(key))
        return tuple(key for key in found if shape.given(key)) or found

    def lacks(self, shape: nodes.Shape) -> bool:
        """Return whether a node has the labels that the class gives, and none of its devices."""
        match = self.spec.match if self.spec is not None and not self.problem else None
        if match is None or not (match.node_labels or match.any_node_labels):
            return False
        return labelled(shape, match) and self.resource(shape) is None

    def has(self, resource: str) -> bool:
        """Return whether a device plugin's resource is one of its devices."""
        match = self.spec.match if self.spec is not None else None
        pattern = match.resource_pattern if match is not None and not self.problem else None
        return pattern is not None and _compiled(pattern).fullmatch(resource) is not None


def read(body: Mapping[str, Any]) -> Class:
    """Return the class of an AcceleratorClass object, sound or not."""
    meta = body["metadata"]
    name, generation = str(meta["name"]), int(meta.get("generation", 1))
    try:
        spec = api.AcceleratorClassSpec.model_validate(body.get("spec") or {})
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"])
        return Class(name, None, generation, f"spec.{where}: {first['msg']}")
    pattern = spec.match.resource_pattern if spec.match is not None else None
    said = patterns.problem(pattern) if pattern is not None else ""
    if not said and pattern is not None and spec.scale_from_zero is not None:
        said = "" if Class(name, spec).plain else _OPEN
    return Class(
        name, spec, generation, f"match.resourcePattern {pattern!r} {said}" if said else ""
    )


def labelled(shape: nodes.Shape, match: api.Match) -> bool:
    """Return whether a node has all labels, those of one alternative, and none of the others."""
    if not all(each in shape.labels for each in (match.node_labels or {}).items()):
        return False
    if any(_has(shape, each) for each in match.without or ()):
        return False
    return match.any_node_labels is None or any(
        all(each in shape.labels for each in either.items()) for either in match.any_node_labels
    )


def _has(shape: nodes.Shape, label: api.Without) -> bool:
    value = shape.label(label.key)
    return value is not None and (label.values is None or value in label.values)


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
