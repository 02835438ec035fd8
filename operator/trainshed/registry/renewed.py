"""Files that are renewed while they are in use, such as a Secret that a pod mounts."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)
T = TypeVar("T")


class File(Generic[T]):
    """What a file holds: read anew once it has changed, at the cost of one stat a look."""

    def __init__(self, path: str, read: Callable[[str], T]) -> None:
        """Read it; raises what `read` does: ValueError, without a secret, where it can't."""
        self._path = path
        self._read = read
        # Taken before reading: a change in between is then seen at the next look.
        self._stamp = _stamp(path)
        self._held = read(path)

    def value(self) -> T:
        """Return what the file holds; what it held last where it can't be used any more."""
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._held = self._read(self._path)
                _log.info("file_renewed", extra={"path": self._path})
            except ValueError as error:
                _log.warning("file_unusable", extra={"path": self._path, "error": str(error)})
        return self._held


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    # The kubelet swaps a link: the file is then another one, whatever its time.
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
