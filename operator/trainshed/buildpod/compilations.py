"""What a compiler's last words mean for a person. They are a stranger's: shown, and not trusted."""

from __future__ import annotations

import re

from trainshed.api import reasons
from trainshed.buildpod import failing, verdicts

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_AFTER, _LINES = 4, 14
_ERROR = re.compile(r"\b(fatal )?error: |undefined reference|^(\w+\.)*\w*Error: |No module named")
_OF_PIP = re.compile(r"(error: subprocess-exited|ERROR: Failed building|error: (legacy|metadata)-)")


def of(said: str) -> failing.BuildFailed:
    """Return why a source was not compiled."""
    lines = verdicts.lines(said)
    text = "\n".join(lines[-60:])
    if re.search(r"no space left on device|disk quota exceeded", text, re.IGNORECASE):
        return failing.BuildFailed(
            BuildReason.BUILD_NODE_FULL,
            "there was no disk left to compile on: it is tried again; see that the node has disk to"
            " spare",
            terminal=False,
        )
    if not lines or re.search(r"Killed signal|signal: killed|bad_alloc|MemoryError", text):
        return failing.BuildFailed(
            Reason.BUILD_OUT_OF_MEMORY,
            "the compiler was killed, as for want of memory: compile less at once, or have"
            " builder.resources of the chart raised; then create the job anew",
        )
    return failing.BuildFailed(
        BuildReason.COMPILE_FAILED,
        "the source's build failed: mend it, and create the job anew; it said:"
        f" {verdicts.one_line(telling(lines))}",
    )


def telling(lines: list[str]) -> list[str]:
    """Return the first error with the lines behind it, else the end: pip's own words come last."""
    told = (index for index, line in enumerate(lines) if tells(line))
    first = next(told, None)
    if first is None:
        return lines[-_LINES:]
    return [each[:200] for each in lines[first : first + _AFTER]]


def tells(line: str) -> bool:
    """Return whether a line tells of an error, and not that there was one."""
    return _ERROR.search(line) is not None and _OF_PIP.search(line) is None
