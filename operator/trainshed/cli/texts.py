"""Writes what a command found, for a person or for a program: the same input, the same text."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import yaml
from pydantic import alias_generators

from trainshed.cli import builds

_WIDTH = 16


class Form(enum.StrEnum):
    """How output is written."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def render(build: builds.Build, form: Form) -> str:
    """Return the text, its last line ended."""
    if form is Form.TEXT:
        return "\n".join(_lines(build)) + "\n"
    found = {alias_generators.to_camel(name): each for name, each in asdict(build).items()}
    document: dict[str, Any] = json.loads(json.dumps(found))
    if form is Form.JSON:
        return json.dumps(document, indent=2) + "\n"
    return str(yaml.safe_dump(document, sort_keys=False, width=100))


def _lines(build: builds.Build) -> Iterator[str]:
    yield _row("job", build.job)
    yield _row(
        "built", {"nowhere": "not at all", "pod": "in a pod"}.get(build.where, "by the operator")
    )
    yield _row("", build.why)
    if "rights" in build.missing:
        yield _row("", build.missing["rights"])
    if build.where == "nowhere":
        return
    if build.accelerator:
        yield _row("accelerator", build.accelerator)
    yield _row("base", build.base or "made by the Dockerfile")
    yield _row("", build.base_digest or build.missing.get("base", ""))
    yield _row("into", build.repository)
    yield _row("entry point", " ".join(build.entrypoint))
    yield _row("deadline", f"{build.deadline_seconds:.0f} s")
    yield _row("key", build.key or _keyless(build))
    if build.where == "pod":
        yield _row("order", build.order or _keyless(build))
        answered = " ".join(build.answered_by) or f"refresh: {build.refresh or 'never needed'}"
        yield _row("answered by", answered)
    yield ""
    yield "inputs of the key"
    for name, value in build.inputs.items():
        yield _row(f"  {name}", _shown(name, value, build.missing))
    if build.build_job is not None:
        yield ""
        yield "build Job"
        if "authority" in build.missing:
            yield f"# its certificate authority is {build.missing['authority']}"
        # A copy, in which nothing is there twice: YAML would refer from one to the other.
        plain = json.loads(json.dumps(build.build_job))
        yield str(yaml.safe_dump(plain, sort_keys=False, width=100)).rstrip()


def _row(name: str, value: str) -> str:
    return f"{name:<{_WIDTH}}{value}"


def _keyless(build: builds.Build) -> str:
    wanting = [
        each for each in ("base", "development image", "library", "source") if each in build.missing
    ]
    if wanting:
        return f"not known here, for want of {', '.join(wanting)}"
    return "known once the pod has the code"


def _shown(name: str, value: object, missing: Mapping[str, str]) -> str:
    if value is None:
        # The base's cause stands above.
        said = missing.get(name, "known in the pod only")
        return "not known here" if name == "base" else said
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
