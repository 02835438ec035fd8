"""Composes an index: one image for several platforms, each with a manifest of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trainshed.builds import manifests


def compose(images: Sequence[manifests.Composed], *, annotations: Mapping[str, str]) -> bytes:
    """Return the index, byte for byte; runtimes choose from it by their node's platform."""
    document = {
        "schemaVersion": 2,
        "mediaType": manifests.INDEX,
        "manifests": [_listed(each) for each in images],
        "annotations": dict(annotations),
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _listed(image: manifests.Composed) -> dict[str, object]:
    config = json.loads(image.config)
    names = ("os", "architecture", "variant")
    return {
        "mediaType": manifests.MANIFEST,
        "digest": image.digest,
        "size": len(image.manifest),
        "platform": {name: config[name] for name in names if name in config},
    }
