"""What a person sees while a command works: one line a step, its time, and the total.

On a terminal a spinner shows the step that runs; elsewhere only finished steps and
heartbeats of long ones are written, so that a log stays readable.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import rich.console
import rich.markup
import rich.status

HEARTBEAT_SECONDS = 10.0


class Step:
    """The step that runs now; `update` says how far it is."""

    def __init__(self, title: str, *, console: Console) -> None:
        self._title = title
        self._console = console
        self._started = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def update(self, detail: str) -> None:
        """Show detail beside the title; off a terminal at most every HEARTBEAT_SECONDS."""
        text = f"{self._title}: {detail} ({self.seconds:.0f} s)"
        if self._console.status is not None:
            self._console.status.update(text)
        elif time.monotonic() - self._said >= HEARTBEAT_SECONDS:
            self._said = time.monotonic()
            self._console.write(f"  … {text}")


class Console:
    """Writes to standard error, so that `info -o json` stays clean."""

    def __init__(self, output: rich.console.Console | None = None) -> None:
        self._output = output or rich.console.Console(stderr=True, highlight=False)
        self._started = time.monotonic()
        self.status: rich.status.Status | None = None

    def write(self, text: str) -> None:
        self._output.print(text, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something that a person should know but that stops nothing."""
        self._output.print(f"  [yellow]![/] {rich.markup.escape(text)}", soft_wrap=True)

    def error(self, text: str) -> None:
        self._output.print(f"[red]error:[/] {rich.markup.escape(text)}", soft_wrap=True)

    def total(self, text: str) -> None:
        """Close a command with its result and how long it took."""
        self.write(f"{text} ({time.monotonic() - self._started:.1f} s)")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show title while the body runs, then its time; a failure is left to the error."""
        step = Step(title, console=self)
        if not self._output.is_terminal:
            yield step
        else:
            with self._output.status(rich.markup.escape(title)) as self.status:
                try:
                    yield step
                finally:
                    self.status = None
        self._output.print(
            f"  [green]ok[/] {rich.markup.escape(title)} [dim]{step.seconds:.1f} s[/]",
            soft_wrap=True,
        )
