"""Samples that can't be read: counted, named, and at last too many."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field

from trainshed_trainer import errors

NAMED = 20
"""How many are named in the log and in the report."""
SHOWN = 5
"""How many are named in a message."""


class Corrupt(Exception):
    """A sample that can't be read; the message says why, as the end of a sentence."""


@dataclass(slots=True)
class Tally:
    """Counts the samples that are left out, from any thread; raises once there are too many."""

    allowed: int = 0
    count: int = 0
    names: list[str] = field(default_factory=list)
    """The first few, each with what is wrong with it."""
    _seen: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, title: str, why: Corrupt) -> None:
        """Count a sample, once only; raises DataError where more are corrupt than may be."""
        with self._lock:
            if title not in self._seen:
                self._seen.add(title)
                self.count += 1
                self._tell(f"{printable(title)} {printable(str(why))}")
            if self.count > self.allowed:
                raise self._too_many()

    def _tell(self, said: str) -> None:
        if len(self.names) < NAMED:
            self.names.append(said)
            print(f"trainshed: left out: {said}", file=sys.stderr)  # noqa: T201

    def _too_many(self) -> errors.DataError:
        more = ", …" if self.count > SHOWN else ""
        return errors.DataError(
            f"{self.count} samples can't be read, and data.maxCorrupt allows {self.allowed}:"
            f" {'; '.join(self.names[:SHOWN])}{more}: mend or remove them, or raise"
            " data.maxCorrupt",
            reason="TooManyCorrupt",
        )


def printable(text: str) -> str:
    """Return a file's name, or what is said of it, as one short line that any log can hold."""
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else "?" for letter in plain)[:200]
