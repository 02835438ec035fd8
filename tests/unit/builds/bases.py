"""Manifests and configs of base images, and images on top of them."""

from collections.abc import Mapping
from typing import Any

from trainshed.builds import layers, manifests

DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
Document = dict[str, Any]


def digest(number: int) -> str:
    """Return the number's digest."""
    return f"sha256:{number:064x}"


def base_manifest(*media_types: str, **layer: object) -> Document:
    """Return a base's manifest with a layer of each type."""
    return {
        "schemaVersion": 2,
        "config": {"digest": digest(99), "size": 10},
        "layers": [
            {"mediaType": each, "digest": digest(number), "size": 1000 + number, **layer}
            for number, each in enumerate(media_types)
        ],
    }


def base_config(depth: int = 1, **run: object) -> Document:
    """Return the config of a base of so many layers."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [digest(50 + each) for each in range(depth)]},
        "history": [{"created_by": f"RUN {each}"} for each in range(depth)],
    }


def code(data: bytes = b"print(1)") -> layers.Layer:
    """Return a layer of code."""
    return layers.pack({"train.py": data}, prefix="/app", compression="gzip", comment="code")


def composed(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> manifests.Composed:
    """Return the image with one layer of code."""
    return manifests.compose(
        base_manifest=manifest, base_config=config, added=[code()], annotations={"key": "k"}
    )
