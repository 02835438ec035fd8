"""Which regular expressions of classes are taken: those that no name takes long to match.

Python's matcher goes back over every choice of an expression that it has met, and the names that
are matched come from nodes. So the choices are counted before the expression is ever used.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

# What `re` itself parses with, so that nothing is read in another way than it is matched.
_parser = importlib.import_module("re._parser")

LONGEST = 317
"""Characters of a resource's name at most: a domain of 253, a slash and a name of 63."""
CHOICES = 1 << 26
"""So many ways through an expression at most: three parts of any length, and one of two."""
REPEATS = 1000
"""RE2 counts no further."""
_SINGLE = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"})
_ENDLESS = (
    "could take for ever to match: write it with at most three parts of any length, such as .+,"
    " and none inside what is repeated"
)
_FOREIGN = "has what is no part of RE2: leave out lookarounds, backreferences, and repeats like a++"


class _RefusedError(Exception):
    """The expression is not taken; says why."""


def problem(pattern: str) -> str:
    """Return why an expression is not taken, as the rest of a sentence; empty where it is."""
    try:
        re.compile(pattern)
        ways = _ways(_parser.parse(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    except _RefusedError as error:
        return str(error)
    return _ENDLESS if ways > CHOICES else ""


def _ways(parts: Iterable[Any]) -> int:
    """Return in how many ways the parts can match the beginning of one name, at most."""
    ways = 1
    for name, value in parts:
        ways *= _ways_of(str(name), value)
    return ways


def _ways_of(name: str, value: Any) -> int:
    match name:
        case "BRANCH":
            return sum(_ways(each) for each in value[1])
        case "SUBPATTERN":
            return _ways(value[3])
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _repeated(*value)
        case _ if name in _SINGLE:
            return 1
        case _:
            raise _RefusedError(_FOREIGN)


def _repeated(least: int, most: int, parts: Iterable[Any]) -> int:
    if most <= 1:
        return _ways(parts) + (1 - least)
    endless = most == _parser.MAXREPEAT
    if least > REPEATS or (most > REPEATS and not endless) or not _plain(parts):
        raise _RefusedError(_ENDLESS)
    return min(most, LONGEST) - min(least, LONGEST) + 1


def _plain(parts: Iterable[Any]) -> bool:
    """Return whether the parts are characters alone."""
    return all(
        _plain(value[3]) if str(name) == "SUBPATTERN" else str(name) in _SINGLE
        for name, value in parts
    )
