"""The limit on connections, and what it does to those that hold them for nothing."""

from __future__ import annotations

import asyncio

from tests.unit.progress import rig as rigs


async def test_connections_beyond_the_limit_are_shed(
    idle_rig: rigs.Rig,
) -> None:
    async with idle_rig.serving(connections=3) as rig:
        held = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(3)]

        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        assert await asyncio.wait_for(reader.read(), 5) == b""

        for _, each in [*held, (reader, writer)]:
            each.transport.abort()
        await _served_again(rig)


async def test_connection_without_a_handshake_is_closed(
    idle_rig: rigs.Rig,
) -> None:
    async with idle_rig.serving(handshake_seconds=0.05) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)

        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_connection_whose_headers_never_end_is_closed(
    idle_rig: rigs.Rig,
) -> None:
    async with idle_rig.serving(request_seconds=0.05) as rig:
        reader, writer = await rig.raw()
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")

        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def _served_again(rig: rigs.Rig) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                answer = await rig.post(rigs.push())
            except OSError:
                continue
            assert answer.status_code == 200
            return
