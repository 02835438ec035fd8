"""A claim on a folder of the local node: the local cluster has no provisioner of volumes."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e import conftest

VOLUMES = "/api/v1/persistentvolumes"
_FAKE = "type"
"""The label of nodes on which nothing runs."""


@contextlib.contextmanager
def claim(
    namespace: conftest.Namespace, info: conftest.Body, name: str, *, kilobytes: int | None = None
) -> Iterator[pathlib.Path]:
    """Make a claim of this name; yield the folder of this machine that it is.

    `kilobytes`: how much it holds, where that is to be little.
    """
    volume = f"{namespace.name}-{name}"
    folder = pathlib.Path(info["state"], "volumes", volume)
    folder.mkdir(parents=True)
    if kilobytes is not None:
        _mount(folder, kilobytes)
    namespace.api.create(VOLUMES, _volume(namespace, volume, name, folder))
    claims = f"/api/v1/namespaces/{namespace.name}/persistentvolumeclaims"
    namespace.api.create(claims, _claim(volume, name))
    try:
        yield folder
    finally:
        namespace.api.delete(f"{VOLUMES}/{volume}")
        if kilobytes is not None:
            # The kubelet lets go of it in its own time.
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def _mount(folder: pathlib.Path, kilobytes: int) -> None:
    limited = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(limited, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small volume is a mount of its own, which needs the rights to mount")


def _volume(
    namespace: conftest.Namespace, volume: str, name: str, folder: pathlib.Path
) -> conftest.Body:
    nodes = namespace.api.get("/api/v1/nodes")["items"]
    node = next(each for each in nodes if _FAKE not in each["metadata"]["labels"])
    here = {
        "key": "kubernetes.io/hostname",
        "operator": "In",
        "values": [node["metadata"]["labels"]["kubernetes.io/hostname"]],
    }
    return {
        "metadata": {"name": volume},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace.name, "name": name},
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def _claim(volume: str, name: str) -> conftest.Body:
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": volume,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
