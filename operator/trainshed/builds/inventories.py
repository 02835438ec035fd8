"""What a base image has for Python, as far as a job's packages depend on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated

import pydantic

VERSION = "1"
"""Of how a base is read: another way of reading must not find what the old one kept."""
_MOST = 10_000
_Word = Annotated[str, pydantic.Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._+!-]+$")]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The Python that `python3` means in a base, and what it can import already."""

    python: Annotated[str, pydantic.Field(pattern=r"^3\.[0-9]{1,2}$")]
    """Its version, X.Y."""
    platform: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9_-]{1,60}$")]
    """For which wheels are chosen, in uv's words."""
    site: Annotated[str, pydantic.Field(pattern=r"^/[^\x00-\x1f:]{1,1000}$")]
    """The last of the folders that it imports from: our packages come after it."""
    packages: Annotated[Mapping[_Word, _Word], pydantic.Field(max_length=_MOST)] = field(
        default_factory=dict
    )
    """Versions by normalised name."""

    def dump(self) -> str:
        """Return it as a document; equal ones give the same text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def load(text: str | bytes) -> Inventory:
    """Return the inventory of a document; raises ValueError where it is not sound."""
    found = _SHAPE.validate_json(text)
    if "/../" in f"{found.site}/":
        raise ValueError("a site folder with '..'")
    return found


_SHAPE = pydantic.TypeAdapter(Inventory)
