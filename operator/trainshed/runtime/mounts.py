"""Asks the cluster whether it mounts images as volumes, when a job wants it so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from trainshed.core import mounting, observed
from trainshed.kube import errors
from trainshed.registry import flights, memo

SECONDS = 60.0
"""So long an answer is remembered: nodes come and go, and are upgraded, more slowly."""


class Cluster(Protocol):
    """What is asked of the API server."""

    async def server_version(self) -> str:
        """Return the API server's own version, such as v1.36.2."""

    async def nodes(self, selector: str) -> Sequence[mounting.Node]:
        """Return the nodes that a label selector takes."""


class Mounts:
    """What this cluster can, as it was within the last minute."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds."""
        self._cluster = cluster
        self._flights = flights.Flights()
        # In a tuple: that nothing was refused is remembered as well.
        self._known = memo.Memo[str, tuple[observed.Refusal | None]](clock, seconds=SECONDS)

    async def refusal(self, selector: str) -> observed.Refusal | None:
        """Return why the nodes of a selector can't mount images; None where they can."""
        known = self._known.get(selector)
        if known is None:
            known = await self._flights.join(selector, lambda: self._ask(selector))
        return known[0]

    async def _ask(self, selector: str) -> tuple[observed.Refusal | None]:
        try:
            version = await self._cluster.server_version()
            # An old server settles it: its nodes need not be read.
            nodes = () if mounting.refused(version, ()) else await self._cluster.nodes(selector)
        except errors.ApiError as error:
            return (mounting.unknown(str(error)),)
        answer = (mounting.refused(version, nodes),)
        self._known.put(selector, answer)
        return answer

    async def close(self) -> None:
        """End the questions that are open."""
        await self._flights.close()
