"""The seam to the API server: one kind of object in the operator's own namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Body = Mapping[str, Any]


class Store(Protocol):
    """Objects of one kind. Other failures than the ones named come as the client's errors."""

    async def get(self, name: str) -> Body | None:
        """Return the object of this name; None when there is none."""

    async def create(self, body: Body) -> Body | None:
        """Create an object and return it as stored; None where the name is taken."""

    async def replace(self, body: Body) -> Body | None:
        """Replace the version that `body` names; None where it is no longer the newest."""
