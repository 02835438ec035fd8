"""Packs what goes onto a base, off the event loop; what all images share is packed once."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Mapping

from trainshed.builds import layers, manifests, requests
from trainshed.registry import flights


class Packer:
    """Makes the layers of requests that have one training library."""

    def __init__(self, library: Mapping[str, bytes]) -> None:
        """`library`: the training library's files below its package's folder."""
        self._library = {f"trainshed_trainer/{name}": data for name, data in library.items()}
        self._packed: dict[str, layers.Layer] = {}
        self._flights = flights.Flights()

    async def pack(self, request: requests.Request) -> list[layers.Layer]:
        """Return the layers of a request, the lowest first."""
        compression = request.compression
        shared = self._packed.get(compression)
        if shared is None:
            shared = await self._flights.join(compression, lambda: self._shared(compression))
        code = await asyncio.to_thread(
            layers.pack,
            request.source,
            prefix=manifests.CODE,
            compression=compression,
            comment="trainshed: code",
        )
        return [shared, code]

    async def _shared(self, compression: str) -> layers.Layer:
        self._packed[compression] = await asyncio.to_thread(
            layers.pack,
            self._library,
            prefix=manifests.LIBRARY,
            compression=compression,
            comment="trainshed: training library",
        )
        return self._packed[compression]


def read_library(folder: pathlib.Path) -> dict[str, bytes]:
    """Return the training library's files below `folder`/trainshed_trainer."""
    root = folder / "trainshed_trainer"
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if not found:
        raise ValueError(f"there is no training library in {root}: set trainerLibrary")
    return found
