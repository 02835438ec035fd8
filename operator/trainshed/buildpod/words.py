"""The end of a build in the pod's termination message, at most 4,096 bytes. Pure."""

from __future__ import annotations

import bisect
import itertools
import json
from dataclasses import asdict

from trainshed.core import observed

_MOST = 4096
_MESSAGE = 2000
_LOG = 1600


def built(image: observed.BuiltImage) -> str:
    """Return the words for an image that is there."""
    return json.dumps({"image": asdict(image)}, separators=(",", ":"))[:_MOST]


def refused(reason: str, message: str, *, terminal: bool, log: str = "") -> str:
    """Return the words for a build that failed: its message, and the end of its log."""
    said = message.encode("ascii", "backslashreplace").decode()
    refusal = {
        "reason": reason,
        "message": said[: _fitting(said, _MESSAGE)],
        "terminal": terminal,
        "log": log[len(log) - _fitting(log[::-1], _LOG) :],
    }
    return json.dumps({"refusal": refusal}, separators=(",", ":"))


def _fitting(text: str, most: int) -> int:
    """Return how many of a text's characters take at most so many bytes as JSON."""
    text = text[:most]
    sizes = itertools.accumulate(len(json.dumps(each)) - len('""') for each in text)
    return bisect.bisect_right(list(sizes), most)
