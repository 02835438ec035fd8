"""A job's packages, as the order of its build pod has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION = "2"
"""Of how packages are chosen and laid out: another way must give another key, and order."""
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*={2,3}\s*[^*,;\s]+(\s*;.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What is wanted, and from where."""

    file: str = ""
    """Name of the source's file that lists them; empty for none."""
    packages: tuple[str, ...] = ()
    index: str = ""
    """URL of the index; empty for the public one."""
    constraints: str = ""
    """Lines that limit which versions may be chosen, such as the operator's settings have them."""
    secret: str = ""
    """Name of the Secret that the index is reached with; empty for none."""
    wheels_only: bool = True
    """Whether nothing is built: what has no wheel can't be had."""

    @property
    def something(self) -> bool:
        """Return whether anything is wanted."""
        return bool(self.file or self.packages)

    @property
    def pinned(self) -> bool:
        """Return whether each names one version. What a file names is not known here."""
        return not self.file and all(_PINNED.fullmatch(each.strip()) for each in self.packages)
