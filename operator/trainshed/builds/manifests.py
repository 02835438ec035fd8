"""Composes an image's config and manifest out of a base's and new layers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.builds import layers

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYERS = "application/vnd.oci.image.layer.v1.tar"
MAX_LAYERS = 127
USER = "1000:1000"
LIBRARY = "/opt/trainshed/trainer"
CODE = "/app"

Document = Mapping[str, Any]


class BaseUnsupported(Exception):
    """A base that nothing can be put onto; the message says why."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A config and a manifest as they are sent, byte for byte."""

    config: bytes = field(repr=False)
    manifest: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """Return the manifest's digest: the image's name."""
        return layers.digest(self.manifest)


def choose(index: Document, platform: str) -> str:
    """Return the digest of a platform's manifest in an index; raises BaseUnsupported."""
    system, _, architecture = platform.partition("/")
    found: list[str] = []
    for each in index.get("manifests") or ():
        of = each.get("platform") or {}
        if (of.get("os"), of.get("architecture")) == (system, architecture):
            return str(each["digest"])
        found.append(f"{of.get('os')}/{of.get('architecture')}")
    raise BaseUnsupported(f"the base image has no {platform}, only {', '.join(found) or 'nothing'}")


def compose(
    *,
    base_manifest: Document,
    base_config: Document,
    added: Sequence[layers.Layer],
    annotations: Mapping[str, str],
) -> Composed:
    """Return the image with the layers `added` on top of the base; raises BaseUnsupported."""
    descriptors = [_converted(each) for each in base_manifest.get("layers") or ()]
    descriptors += [each.descriptor() for each in added]
    if len(descriptors) > MAX_LAYERS:
        raise BaseUnsupported(
            f"the image would have {len(descriptors)} layers, runtimes take {MAX_LAYERS}"
        )
    config = _json(_config(base_config, added))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": CONFIG,
            "digest": layers.digest(config),
            "size": len(config),
        },
        "layers": descriptors,
        "annotations": dict(annotations),
    }
    return Composed(config=config, manifest=_json(manifest))


def _converted(layer: Document) -> dict[str, Any]:
    """Return a base's layer under its OCI media type; raises BaseUnsupported."""
    media_type = str(layer.get("mediaType"))
    if media_type == DOCKER_LAYER:
        media_type = layers.MEDIA_TYPES["gzip"]
    sound = media_type.startswith(OCI_LAYERS) and "encrypted" not in media_type
    if not sound or layer.get("urls"):
        raise BaseUnsupported(f"the base image has a layer of type {media_type}")
    return {"mediaType": media_type, "digest": layer["digest"], "size": layer["size"]}


def _config(base: Document, added: Sequence[layers.Layer]) -> dict[str, Any]:
    run = dict(base.get("config") or {})
    for inherited in ("Entrypoint", "Cmd", "Healthcheck", "OnBuild"):
        run.pop(inherited, None)
    run |= {"User": USER, "WorkingDir": CODE, "Env": _environment(run.get("Env") or ())}
    rootfs = base.get("rootfs") or {}
    history = [*(base.get("history") or ()), *({"comment": each.comment} for each in added)]
    return {
        "architecture": base.get("architecture"),
        "os": base.get("os"),
        "config": run,
        "rootfs": {
            "type": "layers",
            "diff_ids": [*(rootfs.get("diff_ids") or ()), *(each.diff_id for each in added)],
        },
        "history": history,
    }


def _environment(base: Sequence[str]) -> list[str]:
    """Return the base's variables with our folders at the front of PYTHONPATH."""
    kept = [each for each in base if not each.startswith("PYTHONPATH=")]
    had = next((each.partition("=")[2] for each in base if each.startswith("PYTHONPATH=")), "")
    path = ":".join(each for each in (LIBRARY, CODE, had) if each)
    return [*kept, f"PYTHONPATH={path}"]


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
