"""Runs other programs: quietly for their output, logged for their effect, or in the foreground.

A logged program's lines go to a file, and the last one to whoever shows progress.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from hack.images import errors

_SHOWN_LINES = 15
_GRACE_SECONDS = 5.0
OnLine = Callable[[str], None]


class Runner(Protocol):
    """How an engine runs programs; a fake in tests."""

    def output(self, argv: Sequence[str]) -> str: ...

    def logged(self, argv: Sequence[str], *, log: pathlib.Path, on_line: OnLine) -> None: ...

    def foreground(self, argv: Sequence[str]) -> int: ...


class Programs:
    """Runs real programs, in an environment of its own where one is given."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment

    def output(self, argv: Sequence[str]) -> str:
        """Return what the program writes; its code must be 0."""
        try:
            done = subprocess.run(
                argv,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise errors.Unavailable(f"{argv[0]} is not installed") from None
        if done.returncode != 0:
            raise errors.CommandFailed(_failure(argv, code=done.returncode, said=done.stderr))
        return done.stdout

    def logged(self, argv: Sequence[str], *, log: pathlib.Path, on_line: OnLine) -> None:
        """Append all that the program writes to the log, and give each line to on_line."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file, _started(argv, self._environment) as process:
            file.write(f"$ {' '.join(argv)}\n")
            said: list[str] = []
            for line in process.stdout or ():
                file.write(line)
                said = [*said[-_SHOWN_LINES:], line]
                on_line(line.strip())
        if process.returncode != 0:
            failure = _failure(argv[:1], code=process.returncode, said="".join(said))
            raise errors.CommandFailed(f"{failure}\n  all of it: {log}")

    def foreground(self, argv: Sequence[str]) -> int:
        """Run the program on this terminal and return its code."""
        return subprocess.run(argv, env=self._environment, check=False).returncode


@contextlib.contextmanager
def _started(
    argv: Sequence[str], environment: Mapping[str, str] | None
) -> Iterator[subprocess.Popen[str]]:
    """Start the program; it is ended with the body, whatever ends that."""
    try:
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise errors.Unavailable(f"{argv[0]} is not installed") from None
    with process:
        try:
            yield process
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and those that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            return


def _failure(argv: Sequence[str], *, code: int, said: str) -> str:
    lines = said.strip().splitlines()[-_SHOWN_LINES:]
    return "\n  ".join([f"`{' '.join(argv)}` ended with code {code}", *lines])
