"""An engine and programs that only remember what they were asked for."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable, Mapping, Sequence

from hack.images import errors, programs
from hack.images.engines import base


class Engine:
    """Keeps images by name; an image is its labels and a number."""

    name = "fake"

    def __init__(self) -> None:
        self.images: dict[str, base.Found] = {}
        self.built: list[base.Build] = []
        self.removed: list[str] = []
        self.tidied = 0
        self.pushed: list[str] = []
        self.commands: list[tuple[str, base.Command]] = []
        self.on_run: Callable[[base.Command], object] = lambda command: None
        self.code = 0
        self._numbers = itertools.count(1)

    def find(self, ref: str) -> base.Found | None:
        return self.images.get(ref)

    def size(self, ref: str) -> str:
        return "1 MB"

    def build(self, build: base.Build, *, log: pathlib.Path, on_line: programs.OnLine) -> None:
        self.built.append(build)
        self.add(build.ref, build.labels)

    def add(self, ref: str, labels: Mapping[str, str] | None = None) -> base.Found:
        found = base.Found(f"id-{next(self._numbers)}", labels or {}, "2026-01-01T00:00:00Z")
        self.images[ref] = found
        return found

    def push(
        self, ref: str, to: base.Destination, *, log: pathlib.Path, on_line: programs.OnLine
    ) -> str:
        self.pushed.append(to.ref)
        return f"sha256:{self.images[ref].id}"

    def run(self, ref: str, command: base.Command) -> int:
        self.commands.append((ref, command))
        self.on_run(command)
        return self.code

    def remove(self, image_id: str) -> None:
        self.removed.append(image_id)

    def tidy(self) -> None:
        self.tidied += 1


class Programs:
    """Answers by the first words of a command; whatever it has no answer for fails."""

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.ran: list[list[str]] = []
        self._answers = answers or {}

    def output(self, argv: Sequence[str]) -> str:
        self.ran.append(list(argv))
        line = " ".join(argv)
        for start, answer in self._answers.items():
            if start in line:
                return answer
        raise errors.CommandFailed(f"`{line}` ended with code 1\n  image not known")

    def logged(self, argv: Sequence[str], *, log: pathlib.Path, on_line: programs.OnLine) -> None:
        self.ran.append(list(argv))
        if "--digestfile" in argv:
            pathlib.Path(argv[argv.index("--digestfile") + 1]).write_text("sha256:abc\n")

    def foreground(self, argv: Sequence[str]) -> int:
        self.ran.append(list(argv))
        return 7
