"""Many builds at once: none waits for another's connection until it gives up."""

from __future__ import annotations

import asyncio
import pathlib
import time

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import observed, plan
from trainshed.registry import opening, targets

pytestmark = servers.needs_registry
CROWD = 48
"""More than the connections of a pool of usual size."""


async def test_a_crowd_of_copies_from_another_registry_comes_through(
    tmp_path: pathlib.Path,
) -> None:
    library = tmp_path / "trainer" / "trainshed_trainer"
    library.mkdir(parents=True)
    (library / "__init__.py").write_bytes(b"")
    with (
        servers.started(tmp_path / "registry") as server,
        servers.started(tmp_path / "bases") as elsewhere,
    ):
        base = rigs.push(elsewhere, images.image({"usr/bin/python3": b"#!/bin/sh\n" * 4000}))
        order = plan.BuildOrder(base=base, entrypoint=rigs.ENTRYPOINT)
        target = targets.Target(
            push=server.url,
            pull=server.address,
            prefix="trainshed",
            allowed=frozenset({elsewhere.url}),
        )
        async with opening.open_builder(
            target=target,
            ca_file="",
            credentials_file="",
            library=library.parent,
            clock=time.monotonic,
        ) as made:
            # Each copy holds two connections: one to read from, one to write to.
            results = await asyncio.gather(
                *(made.make(f"team-{each}", order, rigs.CODE) for each in range(CROWD)),
                return_exceptions=True,
            )

    assert [each for each in results if not isinstance(each, observed.BuiltImage)] == []
