"""Small base images: what a test puts into a registry before it builds on it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"


def digest(data: bytes) -> str:
    """Return `sha256:<hex>` of data."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest with all that it names, by digest."""

    media_type: str
    manifest: bytes
    blobs: Mapping[str, bytes]
    manifests: tuple[Image, ...] = ()
    """Those that an index names."""

    @property
    def digest(self) -> str:
        """Return its name."""
        return digest(self.manifest)

    @property
    def document(self) -> dict[str, Any]:
        """Return the manifest's JSON."""
        found: dict[str, Any] = json.loads(self.manifest)
        return found

    @property
    def layers(self) -> list[str]:
        """Return its layers' digests."""
        return [each["digest"] for each in self.document["layers"]]

    @property
    def config(self) -> dict[str, Any]:
        """Return its config's JSON."""
        found: dict[str, Any] = json.loads(self.blobs[self.document["config"]["digest"]])
        return found


def image(
    *files: Mapping[str, bytes],
    docker: bool = False,
    config: Mapping[str, Any] | None = None,
    platform: str = "linux/amd64",
) -> Image:
    """Return an image with one layer for each mapping of files."""
    tars = [_tar(each) for each in files]
    layers = [gzip.compress(each, mtime=0) for each in tars]
    system, _, architecture = platform.partition("/")
    described = json.dumps(
        {
            "architecture": architecture,
            "os": system,
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [digest(each) for each in tars]},
            "history": [{"created_by": f"layer {number}"} for number in range(len(tars))],
        }
    ).encode()
    kinds = (
        (f"{DOCKER}.container.image.v1+json", f"{DOCKER}.image.rootfs.diff.tar.gzip")
        if docker
        else (f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar+gzip")
    )
    media_type = f"{DOCKER}.distribution.manifest.v2+json" if docker else f"{OCI}.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(described, kinds[0]),
        "layers": [descriptor(each, kinds[1]) for each in layers],
    }
    blobs = {digest(each): each for each in (described, *layers)}
    return Image(media_type, json.dumps(manifest).encode(), blobs)


def artifact(files: Mapping[str, bytes], *blobs: tuple[bytes, str]) -> Image:
    """Return an artifact: files by their titles, as `oras push` makes it, and blobs by type."""
    empty = b"{}"
    kind = f"{OCI}.layer.v1.tar"
    titled = [
        {**descriptor(data, kind), "annotations": {"org.opencontainers.image.title": name}}
        for name, data in files.items()
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "artifactType": "application/vnd.example.code",
        "config": descriptor(empty, "application/vnd.oci.empty.v1+json"),
        "layers": [*titled, *(descriptor(data, each) for data, each in blobs)],
    }
    contents = (empty, *files.values(), *(data for data, _ in blobs))
    return Image(
        f"{OCI}.manifest.v1+json",
        json.dumps(manifest).encode(),
        {digest(each): each for each in contents},
    )


def index(images: Mapping[str, Image], *, docker: bool = False) -> Image:
    """Return an index of images by platform."""
    media_type = (
        f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
    )
    listed = []
    for platform, each in images.items():
        system, _, architecture = platform.partition("/")
        of = {"os": system, "architecture": architecture}
        listed.append({**descriptor(each.manifest, each.media_type), "platform": of})
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": listed}
    return Image(media_type, json.dumps(document).encode(), {}, tuple(images.values()))


def descriptor(data: bytes, media_type: str) -> dict[str, Any]:
    """Return how a manifest names a blob."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def _tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
