"""An independent judge of our images: buildah pulls them, unpacks them and reads what is inside."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.unit.registry import images

BUILDAH = shutil.which("buildah")
pytestmark = [
    servers.needs_registry,
    pytest.mark.skipif(BUILDAH is None, reason="buildah is not installed"),
]
FILES = {"train.py": b"print('trained')\n", "data/ünï.txt": b"y", f"{'n' * 120}.txt": b"long"}
Buildah = Callable[..., str]


@pytest.fixture
def buildah(tmp_path: pathlib.Path) -> Buildah:
    """Return buildah with a store of its own."""
    store = ("--root", f"{tmp_path}/store", "--runroot", f"{tmp_path}/run")

    def run(*arguments: str) -> str:
        assert BUILDAH is not None
        command = [BUILDAH, *store, "--storage-driver", "vfs", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout.strip()

    return run


@pytest.mark.parametrize("docker", [False, True], ids=["oci base", "docker base"])
@pytest.mark.parametrize("compression", ["zstd", "gzip"])
async def test_buildah_unpacks_what_we_packed(
    tmp_path: pathlib.Path, buildah: Buildah, compression: str, docker: bool
) -> None:
    layers = ({"etc/os-release": b"ID=test\n"}, {"usr/bin/python3": b"#!/bin/sh\n"})
    config = {"Env": ["PATH=/usr/bin", "PYTHONPATH=/usr/lib"]}
    with servers.started(tmp_path / "registry") as server:
        base = rigs.push(server, images.image(*layers, docker=docker, config=config))
        async with rigs.opened(server) as rig:
            built = await rig.make(base, FILES, compression=compression)
        pulled = buildah("pull", "--tls-verify=false", f"docker://{built.ref}").splitlines()[-1]
        container = buildah("from", "--pull-never", pulled)
        root = pathlib.Path(buildah("mount", container))

        assert (root / "usr/bin/python3").read_bytes() == b"#!/bin/sh\n"
        assert {name: (root / "app" / name).read_bytes() for name in FILES} == FILES
        package = root / "opt/trainshed/trainer/trainshed_trainer"
        assert {each.name: each.read_bytes() for each in package.iterdir()} == rigs.LIBRARY
        for each in (root / "app", *(root / "app").rglob("*"), package, *package.iterdir()):
            found = each.stat()
            assert (found.st_uid, found.st_gid, found.st_mtime) == (0, 0, 0)
            assert found.st_mode & 0o7777 == (0o755 if each.is_dir() else 0o644)
        _config_is_ours(json.loads(buildah("inspect", "--type", "image", pulled)))
        buildah("umount", container)


def _config_is_ours(inspected: dict[str, Any]) -> None:
    oci = inspected["OCIv1"]
    assert (oci["architecture"], oci["os"]) == ("amd64", "linux")
    assert oci["config"] == {
        "User": "1000:1000",
        "Env": ["PATH=/usr/bin", "PYTHONPATH=/opt/trainshed/trainer:/app:/usr/lib"],
        "WorkingDir": "/app",
    }
    assert [each.get("comment") for each in oci["history"]] == [
        None,
        None,
        "trainshed: training library",
        "trainshed: code",
    ]


async def test_a_base_that_buildah_committed_is_built_on(
    tmp_path: pathlib.Path, buildah: Buildah
) -> None:
    (tmp_path / "python3").write_bytes(b"#!/bin/sh\n")
    with servers.started(tmp_path / "registry") as server:
        made = buildah("from", "scratch")
        buildah("copy", made, str(tmp_path / "python3"), "/usr/bin/python3")
        buildah("config", "--env", "PATH=/usr/bin", "--cmd", "bash", made)
        base = f"{server.address}/bases/committed:1"
        buildah("commit", "--tls-verify=false", made, f"docker://{base}")
        async with rigs.opened(server) as rig:
            built = await rig.make(base)
        buildah("pull", "--tls-verify=false", f"docker://{built.ref}")

    assert built.uploaded_bytes > 0
