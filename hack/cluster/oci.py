"""Writes and pushes small images without a container engine.

Owns the pause image. Pushes to a registry that needs no credentials.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import pathlib
import platform
import tarfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from hack.cluster import errors

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest and the blobs that it names, by digest."""

    manifest: bytes
    blobs: Mapping[str, bytes]
    media_type: str = MANIFEST

    @property
    def digest(self) -> str:
        return digest(self.manifest)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def single_program(program: pathlib.Path, *, name: str, user: str) -> Image:
    """Return an image that holds one static program and runs it; the same bytes each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = program.stat().st_size, 0o755
        with program.open("rb") as file:
            archive.addfile(member, file)
    plain = packed.getvalue()
    layer = gzip.compress(plain, compresslevel=6, mtime=0)
    machine = platform.machine()
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Entrypoint": [f"/{name}"], "User": user},
            "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(config, _CONFIG),
            "layers": [_descriptor(layer, _LAYER)],
        }
    )
    return Image(manifest, {digest(config): config, digest(layer): layer})


def push(image: Image, *, registry: str, repository: str, tag: str) -> None:
    """Push the image; blobs and a manifest that are there already are not sent again."""
    connection = http.client.HTTPConnection(registry, timeout=60)
    base = f"/v2/{repository}"
    try:
        if _exists(connection, f"{base}/manifests/{tag}", digest_=image.digest):
            return
        for name, blob in image.blobs.items():
            if not _exists(connection, f"{base}/blobs/{name}"):
                _upload(connection, base, name=name, blob=blob)
        _send(
            connection,
            "PUT",
            f"{base}/manifests/{tag}",
            body=image.manifest,
            headers={"Content-Type": image.media_type},
        )
    finally:
        connection.close()


def _exists(
    connection: http.client.HTTPConnection, path: str, *, digest_: str | None = None
) -> bool:
    connection.request("HEAD", path, headers={"Accept": MANIFEST})
    answer = connection.getresponse()
    answer.read()
    same = digest_ is None or answer.headers.get("Docker-Content-Digest") == digest_
    return answer.status == http.client.OK and same


def _upload(connection: http.client.HTTPConnection, base: str, *, name: str, blob: bytes) -> None:
    location = _send(connection, "POST", f"{base}/blobs/uploads/").get("Location")
    parts = urllib.parse.urlsplit(location or "")
    query = "&".join(filter(None, [parts.query, f"digest={urllib.parse.quote(name)}"]))
    headers = {"Content-Type": "application/octet-stream"}
    _send(connection, "PUT", f"{parts.path}?{query}", body=blob, headers=headers)


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    connection.request(method, path, body=body, headers=dict(headers or {}))
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", errors="replace")
    if answer.status >= http.client.BAD_REQUEST:
        raise errors.CommandFailed(f"{method} {path} answered {answer.status}: {text.strip()}")
    return dict(answer.headers)


def _descriptor(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(data), "digest": digest(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
