"""Parts a message of the operator: the cause, and what to do about it, which stands at its end."""

from __future__ import annotations

import re

_VERBS = (
    "add|ask|build|change|check|choose|create|delete|enable|free|give|have|install|let|lower|make"
    "|mend|name|push|put|raise|read|remove|rename|see|set|shorten|try|uncordon|upgrade|use|wait"
    "|write"
)
_BY_ITSELF = (
    r"it is (?:tried|begun|built) again|it starts|the pod starts|the job (?:goes on|starts)"
)
_ADVICE = re.compile(rf"; (?=(?:{_VERBS}|{_BY_ITSELF})\b)")
_AFTER_COLON = re.compile(rf": (?=(?:{_VERBS}|{_BY_ITSELF})\b)")
"""What others said stands before it, and may have colons of its own: the last one counts."""


def part(message: str) -> tuple[str, str]:
    """Return the cause and what to do; the whole and nothing where it does not say."""
    for sign in (_ADVICE, _AFTER_COLON):
        found = list(sign.finditer(message))
        if found:
            return message[: found[-1].start()], message[found[-1].end() :]
    return message, ""
