"""A registry whose disk is full says so in a way of its own: an answer 500 with an errno."""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.registry import errors

pytestmark = servers.needs_registry
BASE = images.image({"usr/bin/python3": b"#!/bin/sh\n"})


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Return a folder with room for 600 KiB."""
    folder = tmp_path / "registry"
    (folder / "data").mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder / "data")]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder / "data")], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
async def test_a_registry_without_room_is_told_as_such(small_disk: pathlib.Path) -> None:
    with servers.started(small_disk) as server:
        base = rigs.push(server, BASE)
        code = random.Random(0).randbytes(900 << 10)
        async with rigs.opened(server) as rig:
            with pytest.raises(errors.QuotaExceeded, match="has no room") as caught:
                await rig.make(base, {"train.py": code})
            assert rig.slept == [], "room does not come by waiting a moment"

    assert caught.value.reason == "RegistryQuotaExceeded"
