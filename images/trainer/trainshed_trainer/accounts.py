"""The final account of a run, as the termination message has it: JSON of at most 4,096 bytes."""

from __future__ import annotations

import json
import math
import os
import pathlib
from typing import Any

MAX_BYTES = 4096
TERMINATION_LOG = "/dev/termination-log"
Account = dict[str, Any]


def render(account: Account) -> str:
    """Return an account as JSON that fits; the log's tail is cut first, then the message."""
    kept = finite(account)
    for name, share in (("logTail", 2), ("message", 4)):
        while len(_json(kept).encode()) > MAX_BYTES and kept.get(name):
            text = str(kept[name])
            # What is last in a log says most; what is first in a message does.
            half = len(text) // share if len(text) > share else 0
            kept[name] = text[len(text) - half :] if name == "logTail" else text[:half]
    if len(_json(kept).encode()) > MAX_BYTES:
        kept = {key: kept.get(key) for key in ("v", "outcome", "exitCode", "class", "reason")}
    return _json(kept)


def finite(value: Any) -> Any:
    """Return a value without what JSON or UTF-8 can't hold: NaN, infinities, lone surrogates."""
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def write(path: str, text: str) -> None:
    """Write an account, whole or not at all where the file can be replaced.

    The termination log is a mounted file: it can only be written in place.
    """
    target = pathlib.Path(path)
    if path == TERMINATION_LOG or not os.access(target.parent, os.W_OK):
        target.write_text(text, encoding="utf-8")
        return
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(target)


def read(path: str) -> Account | None:
    """Return the account that a rank left; None where it left none."""
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def compact(value: Any) -> str:
    """Return a value as JSON without spaces; what JSON can't hold is None."""
    return _json(finite(value))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
