"""Reads the TrainingJob in a file, and the ConfigMaps and classes that stand beside it."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydantic
import yaml

from trainshed.api import accelerator_class, labels, spec
from trainshed.cli import failing
from trainshed.core import admission, observe, observed

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A TrainingJob that can be run as it is written."""

    namespace: str
    name: str
    spec: spec.TrainingJobSpec
    config_maps: Mapping[str, Body]
    """Those of the same file, by name."""
    classes: Mapping[str, Body] = field(default_factory=dict)
    """The AcceleratorClasses of the same file, by name."""


def read(path: pathlib.Path, *, namespace: str | None) -> Manifest:
    """Return the one TrainingJob of a file, `-` for the standard input; raises Refused.

    `namespace`: where it is to be; else the manifest's own, else `default`.
    """
    found = [each for each in _documents(path) if isinstance(each, dict)]
    jobs = [each for each in found if each.get("kind") == labels.KIND]
    if len(jobs) != 1:
        raise failing.Refused(
            f"{path} holds {len(jobs) or 'no'} {labels.KIND}s: give a file with one"
        )
    meta = jobs[0].get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    name = meta.get("name")
    if not isinstance(name, str) or not name:
        raise failing.Refused("metadata.name is missing: name the job")
    where = namespace or str(meta.get("namespace") or "default")
    read_ = _spec(jobs[0], where, name)
    return Manifest(where, name, read_, *_beside(found, "ConfigMap", accelerator_class.KIND))


def _documents(path: pathlib.Path) -> Sequence[Any]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text))
    except (OSError, UnicodeError) as error:
        raise failing.Refused(f"{path} can't be read: {error}") from error
    except yaml.YAMLError as error:
        raise failing.Refused(f"{path} is no YAML: {error}") from error


def _spec(body: Body, namespace: str, name: str) -> spec.TrainingJobSpec:
    asked = body.get("apiVersion")
    if asked != labels.API_VERSION:
        raise failing.Refused(f"apiVersion is {asked}: this is for {labels.API_VERSION}")
    given = body.get("spec") or {}
    try:
        known = spec.TrainingJobSpec.model_validate(given)
    except pydantic.ValidationError as error:
        raise failing.Refused(*map(_sentence, error.errors(include_url=False))) from error
    kept = known.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if unknown := list(_unknown(given, kept, "spec")):
        raise failing.Refused(*(f"{each}: there is no such field" for each in unknown))
    meta = {"namespace": namespace, "name": name, "uid": ""}
    found = admission.read(observe.training_job({**body, "metadata": meta}, now=0.0))
    if isinstance(found, observed.Refusal):
        raise failing.Refused(found.message)
    return found


def _sentence(error: Mapping[str, Any]) -> str:
    where = ".".join(["spec", *map(str, error["loc"])])
    return f"{where}: {error['msg']}"


def _unknown(given: Any, kept: Any, path: str) -> Iterator[str]:
    """Yield the fields that were given and are not kept: an API server refuses them, or warns."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name in kept:
                yield from _unknown(value, kept[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (one, other) in enumerate(zip(given, kept, strict=False)):
            yield from _unknown(one, other, f"{path}[{index}]")


def _beside(found: Sequence[Body], *kinds: str) -> Iterator[dict[str, Body]]:
    """Yield the objects of each kind, by name."""
    for kind in kinds:
        ours = (each for each in found if each.get("kind") == kind)
        yield {str((each.get("metadata") or {}).get("name")): each for each in ours}
