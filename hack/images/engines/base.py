"""What an engine is asked for. Knows no engine."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hack.images import programs

# buildah's "[1/3] STEP 2/5: RUN …", and BuildKit's "#7 [stage 2/5] RUN …".
_STEP = re.compile(
    r"^(?:(?:\[(?P<stage>\d+/\d+)\] )?STEP (?P<step>\d+/\d+): "
    r"|#\d+ \[(?P<kit>[^\]]*\d+/\d+)\] )(?P<what>.*)"
)
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Found:
    """An image in an engine's store."""

    id: str
    labels: Mapping[str, str]
    created: str


@dataclass(frozen=True, slots=True)
class Build:
    """A Dockerfile and how to build it."""

    ref: str
    dockerfile: pathlib.Path
    context: pathlib.Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in an image; mounts lie at the same path inside and outside."""

    argv: Sequence[str]
    mounts: Sequence[pathlib.Path] = ()
    folder: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A name in a registry, and whether that registry is asked without TLS."""

    ref: str
    plain_http: bool


class Engine(Protocol):
    """Builds, finds, pushes and runs images of one store."""

    @property
    def name(self) -> str: ...

    def find(self, ref: str) -> Found | None: ...

    def size(self, ref: str) -> str: ...

    def build(self, build: Build, *, log: pathlib.Path, on_line: programs.OnLine) -> None: ...

    def push(
        self, ref: str, to: Destination, *, log: pathlib.Path, on_line: programs.OnLine
    ) -> str: ...

    def run(self, ref: str, command: Command) -> int: ...

    def remove(self, image_id: str) -> None: ...

    def tidy(self) -> None: ...


def pairs(option: str, given: Mapping[str, str]) -> list[str]:
    """Return the option once for each KEY=VALUE."""
    return [part for key, value in given.items() for part in (option, f"{key}={value}")]


class Steps:
    """Turns an engine's lines into short progress: the step, then the last line of it."""

    def __init__(self, show: programs.OnLine) -> None:
        self._show = show
        self._step = ""

    def __call__(self, line: str) -> None:
        if found := _STEP.match(line):
            parts = filter(None, [found["stage"], found["step"], found["kit"]])
            self._step = f"step {', '.join(parts)} "
            line = found["what"]
        if line:
            self._show(f"{self._step}{line[:_WIDTH]}")
