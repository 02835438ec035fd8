"""The files in a ConfigMap that holds a job's code."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from trainshed.api import reasons


class SourceInvalid(Exception):
    """The source can't be built, whatever is tried."""

    def __init__(self, reason: str, message: str) -> None:
        """Carry the reason that the job's condition shows."""
        super().__init__(message)
        self.reason = reason


def files(body: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a ConfigMap: its text and its binary keys."""
    found = {name: text.encode() for name, text in (body.get("data") or {}).items()}
    for name, text in (body.get("binaryData") or {}).items():
        try:
            found[name] = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            message = f"binaryData.{name} is no base64: mend the ConfigMap, create the job anew"
            raise SourceInvalid(reasons.Reason.SOURCE_INVALID, message) from error
    if not found:
        raise SourceInvalid(
            reasons.Reason.SOURCE_INVALID,
            "the ConfigMap has no keys: put the code into it, then create the job anew",
        )
    return found
