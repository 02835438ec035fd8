"""The end of a build in the pod's termination message, at most 4,096 bytes. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict

from trainshed.core import observed

_MOST = 4096
_MESSAGE = 1500


def built(image: observed.BuiltImage) -> str:
    """Return the words for an image that is there."""
    return json.dumps({"image": asdict(image)}, separators=(",", ":"))[:_MOST]


def refused(reason: str, message: str, *, terminal: bool) -> str:
    """Return the words for a build that failed."""
    said = message.encode("ascii", "backslashreplace").decode()[:_MESSAGE]
    refusal = {"reason": reason, "message": said, "terminal": terminal}
    return json.dumps({"refusal": refusal}, separators=(",", ":"))
