"""The final account of a run, as the termination message has it: JSON of at most 4,096 bytes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
import re
import stat
from collections.abc import Callable
from typing import Any

MAX_BYTES = 4096
MAX_MESSAGE = 1024
"""Characters of a message; the operator keeps no more."""
MAX_METRICS = 10
"""Evaluation metrics that are kept; a user's names are without bound."""
MAX_WARNINGS, MAX_WARNING = 3, 200
"""How many there are, and characters of each; the operator keeps no more."""
MAX_LEFT_BYTES = 65_536
TERMINATION_LOG = "/dev/termination-log"
_LEFT_OUT = ("traces", "exports", "performance", "report", "warnings")
"""What is left out of an account that is too long, in this order: the report or the log has it."""
_LAST_RESORT = ("v", "outcome", "exitCode", "class", "reason")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
"""Colours and cursor movements, which a terminal would obey and a reader can't use."""
Account = dict[str, Any]


def blank() -> Account:
    """Return an account of a run that has done nothing. Times are Unix seconds."""
    return {
        "v": 1,
        "outcome": "failed",
        "exitCode": 1,
        "class": None,
        "reason": None,
        "message": "",
        "logTail": "",
        "rank": 0,
        "steps": 0,
        "epochs": 0,
        "samples": 0,
        "trainingSeconds": 0.0,
        "samplesPerSecond": 0.0,
        "loss": None,
        "metrics": {},
        "startTime": None,
        "firstStepTime": None,
        "firstStepSeconds": None,
        "endTime": None,
    }


def render(account: Account) -> str:
    """Return an account as JSON that fits.

    The log's tail is cut first; then it does without what was found after training, then the
    message is cut.
    """
    kept = {
        name: plain(value) if isinstance(value, str) else value
        for name, value in finite(account).items()
    }
    # What is last in a log says most; what is first in a message does.
    _cut(kept, "logTail", lambda text, length: text[-length:] if length else "")
    for name in _LEFT_OUT:
        if not _fits(kept):
            kept.pop(name, None)
    _cut(kept, "message", lambda text, length: text[:length])
    if not _fits(kept):
        kept = {name: _brief(kept.get(name)) for name in _LAST_RESORT}
    return _json(kept)


def finite(value: Any) -> Any:
    """Return a value without what JSON or UTF-8 can't hold: NaN, infinities, lone surrogates."""
    if isinstance(value, dict):
        return {finite(str(key)): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value


def plain(text: str) -> str:
    """Return a text without control characters but tabs and line ends."""
    return _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def write(path: str, text: str) -> None:
    """Write an account, whole or not at all where the file can be replaced.

    The termination log is a mounted file: it can only be written in place.
    """
    target = pathlib.Path(path)
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        target.write_text(text, encoding="utf-8")


def read(path: str) -> Account | None:
    """Return the document that a rank left; None where it left none.

    No pipe is waited for, and no more is read than an account may have.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            regular = stat.S_ISREG(os.fstat(number).st_mode)
            text = os.read(number, MAX_LEFT_BYTES + 1) if regular else b""
        finally:
            os.close(number)
        found = json.loads(text) if len(text) <= MAX_LEFT_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def compact(value: Any) -> str:
    """Return a value as JSON without spaces; what JSON can't hold is None."""
    return _json(finite(value))


def _fits(account: Account) -> bool:
    return len(_json(account).encode()) <= MAX_BYTES


def _cut(account: Account, name: str, to: Callable[[str, int], str]) -> None:
    """Make a text shorter until the account fits or nothing of it is left."""
    while not _fits(account) and account.get(name):
        text = str(account[name])
        account[name] = to(text, len(text) * 9 // 10)


def _brief(value: Any) -> Any:
    if isinstance(value, str):
        return value[:64]
    return value if isinstance(value, int) and abs(value) < 2**31 else None


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
