"""Objects of one kind in memory, with the API server's versions and refusals."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trainshed.progress import stores


@dataclass(slots=True)
class MemoryStore:
    """A store; `between` runs after each read, as another replica might."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: int = 0
    between: Callable[[], object] = lambda: None

    async def get(self, name: str) -> stores.Body | None:
        """Return a copy."""
        found = copy.deepcopy(self.objects.get(name))
        self.between()
        return found

    async def create(self, body: stores.Body) -> stores.Body | None:
        """Store a new object."""
        if body["metadata"]["name"] in self.objects:
            return None
        return self.put(body)

    async def replace(self, body: stores.Body) -> stores.Body | None:
        """Replace the version that the body names."""
        known = self.objects.get(body["metadata"]["name"])
        if known is None:
            return None
        if known["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return None
        return self.put(body)

    def put(self, body: stores.Body) -> dict[str, Any]:
        """Store an object whatever was there."""
        self.writes += 1
        stored = copy.deepcopy(dict(body))
        stored["metadata"]["resourceVersion"] = str(self.writes)
        self.objects[stored["metadata"]["name"]] = stored
        return stored
