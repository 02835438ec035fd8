"""Runs other programs: for their effect or their output, never through a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

from hack.cluster import errors

_SHOWN_LINES = 15


class Runner(Protocol):
    """How a provider runs a command; a fake in tests."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        text: str | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> str: ...


def run(
    argv: Sequence[str],
    *,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    """Run argv with text as its input, and return its output; its code must be 0."""
    try:
        done = subprocess.run(
            argv,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            env=environment,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise errors.Unavailable(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise errors.TimedOut(f"`{' '.join(argv)}` did not end within {seconds:.0f} s") from None
    if done.returncode != 0:
        raise errors.CommandFailed(failure(argv, code=done.returncode, said=done.stderr))
    return done.stdout


def failure(argv: Sequence[str], *, code: int, said: str) -> str:
    """Return the sentence for a command that failed, with the end of what it said."""
    lines = said.strip().splitlines()[-_SHOWN_LINES:]
    return "\n  ".join([f"`{' '.join(argv)}` ended with code {code}", *lines])
