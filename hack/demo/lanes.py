"""Runs commands side by side and shows every line of each as it comes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

Say = Callable[[str], None]


class LaneFailed(Exception):
    """A lane ended with an error; its lines have said why."""


def run(lanes: Mapping[str, Sequence[str]], say: Say) -> None:
    """Run all lanes at once and return when all have ended; raises LaneFailed."""
    width = max(map(len, lanes))
    codes: dict[str, int] = {}
    threads = [
        threading.Thread(target=_lane, args=(name, command, width, codes, say), name=name)
        for name, command in lanes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = sorted(name for name, code in codes.items() if code != 0)
    if failed:
        raise LaneFailed(f"{', '.join(failed)} failed: the lines above say why")


def _lane(name: str, command: Sequence[str], width: int, codes: dict[str, int], say: Say) -> None:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            say(f"{name:<{width}} | {line.rstrip()}")
    codes[name] = process.returncode
