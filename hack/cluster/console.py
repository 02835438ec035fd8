"""What a person sees while a command works: one line a step, its time, and the total.

On a terminal a spinner shows the step that runs; elsewhere only finished steps and
heartbeats of long ones are written, so that a log stays readable.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import rich.console
import rich.markup
import rich.status

HEARTBEAT_SECONDS = 10.0


class Step:
    """The step that runs now; `update` says how far it is."""

    def __init__(self, title: str, *, status: rich.status.Status | None = None) -> None:
        self._title = title
        self._detail = ""
        self._status = status
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def update(self, detail: str) -> None:
        """Show detail beside the title: at once on a terminal, else at the next heartbeat."""
        self._detail = f": {detail}"
        if self._status is not None:
            self._status.update(rich.markup.escape(self.text()))

    def text(self) -> str:
        return f"{self._title}{self._detail} ({self.seconds:.0f} s)"


class Console:
    """Writes to standard error, so that `info -o json` stays clean."""

    def __init__(
        self, output: rich.console.Console | None = None, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._output = output or rich.console.Console(stderr=True, highlight=False)
        self._heartbeat = heartbeat
        self._started = time.monotonic()

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
        with self._spinner(title) if self._output.is_terminal else self._beating(title) as step:
            yield step
        self._output.print(
            f"  [green]ok[/] {rich.markup.escape(title)} [dim]{step.seconds:.1f} s[/]",
            soft_wrap=True,
        )

    @contextlib.contextmanager
    def _spinner(self, title: str) -> Iterator[Step]:
        with self._output.status(rich.markup.escape(title)) as status:
            yield Step(title, status=status)

    @contextlib.contextmanager
    def _beating(self, title: str) -> Iterator[Step]:
        """Write a line now and then, so that a long step never looks dead in a log."""
        step, ended = Step(title), threading.Event()

        def beat() -> None:
            while not ended.wait(self._heartbeat):
                self.write(f"  … {step.text()}")

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield step
        finally:
            ended.set()
            thread.join()
