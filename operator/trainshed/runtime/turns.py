"""Keeps what builds find apart from what is let go: never both at once in one namespace.

A build that has found an image names it only when it ends: until then nothing else tells that it is
needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator


class Turns:
    """Whose turn it is, by namespace. Builds come first: letting go waits for another time."""

    def __init__(self) -> None:
        """Begin with nothing going on."""
        self._building: Counter[str] = Counter()
        self._letting: dict[str, asyncio.Event] = {}

    @contextlib.asynccontextmanager
    async def building(self, namespace: str) -> AsyncIterator[None]:
        """Build while the body runs; wait first for what is being let go there."""
        while (over := self._letting.get(namespace)) is not None:
            await over.wait()
        self._building[namespace] += 1
        try:
            yield
        finally:
            self._building[namespace] -= 1
            if not self._building[namespace]:
                del self._building[namespace]

    @contextlib.asynccontextmanager
    async def letting_go(self, namespace: str) -> AsyncIterator[bool]:
        """Give whether a namespace is quiet, and keep it so while the body runs."""
        if namespace in self._building or namespace in self._letting:
            yield False
            return
        over = self._letting[namespace] = asyncio.Event()
        try:
            yield True
        finally:
            del self._letting[namespace]
            over.set()

    def quiet(self) -> bool:
        """Return whether nothing is built anywhere."""
        return not self._building
