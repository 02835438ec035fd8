"""Composes an image's config and manifest out of a base's and new layers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.builds import layers

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
LAYER_TYPES = {
    _OCI_LAYER: _OCI_LAYER,
    f"{_OCI_LAYER}+gzip": f"{_OCI_LAYER}+gzip",
    f"{_OCI_LAYER}+zstd": f"{_OCI_LAYER}+zstd",
    _DOCKER_LAYER: _OCI_LAYER,
    f"{_DOCKER_LAYER}.gzip": f"{_OCI_LAYER}+gzip",
    f"{_DOCKER_LAYER}.zstd": f"{_OCI_LAYER}+zstd",
}
"""What a base's layer may be, and its OCI name; foreign and encrypted ones are not here."""
MAX_LAYERS = 127
USER = "1000:1000"
LIBRARY = "/opt/trainshed/trainer"
PACKAGES = "/opt/trainshed/packages"
LOCK = "/opt/trainshed/requirements.lock"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Of a base that says nothing of it."""
CODE = "/app"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What the base would run, or be told to stop by, is not what our container runs.
_NOT_INHERITED = ("Entrypoint", "Cmd", "Healthcheck", "OnBuild", "StopSignal")

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


def is_digest(text: object) -> bool:
    """Return whether this is `sha256:<64 hex>`, the one form that we use."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def choose(index: Document, platform: str) -> str:
    """Return the digest of a platform's manifest in an index; raises BaseUnsupported."""
    found: list[str] = []
    for each in _objects(index.get("manifests")):
        of = each.get("platform")
        named = f"{of.get('os')}/{of.get('architecture')}" if isinstance(of, Mapping) else "unknown"
        if named == platform and is_digest(each.get("digest")):
            return str(each["digest"])
        # Attestations are listed as a platform of their own, which nobody can run.
        if not named.startswith("unknown"):
            found.append(named[:50])
    shown = ", ".join(found[:10]) or "nothing"
    raise BaseUnsupported(f"the base image has no {platform}, only {shown}")


def config_digest(manifest: Document) -> str:
    """Return the digest of an image manifest's config; raises BaseUnsupported."""
    config = manifest.get("config")
    found = config.get("digest") if isinstance(config, Mapping) else None
    if not is_digest(found):
        raise BaseUnsupported("the base image's manifest is not one of an image")
    return str(found)


def check_platform(config: Document, platform: str) -> None:
    """Raise BaseUnsupported where an image is for another platform."""
    named = f"{config.get('os')}/{config.get('architecture')}"
    if named != platform:
        raise BaseUnsupported(f"the base image is for {named[:100]}, not for {platform}")


def base_layers(manifest: Document) -> list[tuple[str, int]]:
    """Return digest and size of a base's layers, the lowest first; raises BaseUnsupported."""
    return [(str(each["digest"]), int(each["size"])) for each in _converted(manifest)]


def layer_types(manifest: Document) -> list[str]:
    """Return the OCI media types of a base's layers, the lowest first; raises BaseUnsupported."""
    return [str(each["mediaType"]) for each in _converted(manifest)]


def compose(
    *,
    base_manifest: Document,
    base_config: Document,
    added: Sequence[layers.Layer],
    annotations: Mapping[str, str],
    programs: str = "",
) -> Composed:
    """Return the image with the layers `added` on top of the base; raises BaseUnsupported.

    `programs`: a folder that PATH ends with, so that it hides nothing of the base.
    """
    descriptors = _converted(base_manifest)
    config = _json(_config(base_config, added, below=len(descriptors), programs=programs))
    descriptors += [each.descriptor() for each in added]
    if len(descriptors) > MAX_LAYERS:
        raise BaseUnsupported(
            f"the image would have {len(descriptors)} layers, runtimes take {MAX_LAYERS}"
        )
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


def _converted(manifest: Document) -> list[dict[str, Any]]:
    """Return a base's layers under their OCI media types; raises BaseUnsupported."""
    listed = manifest.get("layers")
    found = _objects(listed)
    if not isinstance(listed, list) or len(found) != len(listed):
        raise BaseUnsupported("the base image's manifest is not one of an image")
    return [_converted_layer(each) for each in found]


def _converted_layer(layer: Document) -> dict[str, Any]:
    media_type = str(layer.get("mediaType"))
    oci = LAYER_TYPES.get(media_type)
    if oci is None or layer.get("urls"):
        raise BaseUnsupported(f"the base image has a layer of type {media_type[:100]}")
    size = layer.get("size")
    if not is_digest(layer.get("digest")) or type(size) is not int or size < 0:
        raise BaseUnsupported("the base image has a layer without a sha256 digest and a size")
    return {"mediaType": oci, "digest": layer["digest"], "size": size}


def _config(
    base: Document, added: Sequence[layers.Layer], *, below: int, programs: str
) -> dict[str, Any]:
    rootfs, inherited = base.get("rootfs"), base.get("config") or {}
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, Mapping) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != below:
        raise BaseUnsupported("the base image's config and manifest differ in their layers")
    if not isinstance(inherited, Mapping):
        raise BaseUnsupported("the base image's config is not one of an image")
    run = {name: each for name, each in inherited.items() if name not in _NOT_INHERITED}
    environment = _environment(inherited.get("Env"), programs)
    run |= {"User": USER, "WorkingDir": CODE, "Env": environment}
    kept = {name: base[name] for name in ("architecture", "os", "variant") if name in base}
    return kept | {
        "config": run,
        "rootfs": {
            "type": "layers",
            "diff_ids": [*diff_ids, *(each.diff_id for each in added)],
        },
        "history": [
            *_history(base.get("history"), below=below),
            *({"comment": each.comment} for each in added),
        ],
    }


def _history(given: object, *, below: int) -> list[Document]:
    """Return a base's history: as it is where it tells of each layer, as some tools demand."""
    found = _objects(given)
    if sum(not each.get("empty_layer") for each in found) == below:
        return found
    return [{"comment": "base image"}] * below


def _environment(base: object, programs: str) -> list[str]:
    """Return the base's variables with our folders at the front of PYTHONPATH."""
    given = [each for each in base if isinstance(each, str)] if isinstance(base, list) else []
    if programs:
        had = [each.partition("=")[2] for each in given if each.startswith("PATH=")]
        given = [each for each in given if not each.startswith("PATH=")]
        given.append(f"PATH={(had or [PATH])[-1]}:{programs}")
    kept = [each for each in given if not each.startswith("PYTHONPATH=")]
    had = [each.partition("=")[2] for each in given if each.startswith("PYTHONPATH=")]
    path = ":".join(each for each in (LIBRARY, CODE, *had[-1:]) if each)
    return [*kept, f"PYTHONPATH={path}"]


def _objects(listed: object) -> list[Document]:
    found = listed if isinstance(listed, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
