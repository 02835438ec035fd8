"""An image that is mounted rather than run: layers of ours alone, and the smallest config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from trainshed.builds import layers, manifests


def compose(
    added: Sequence[layers.Layer], *, platform: str, annotations: Mapping[str, str]
) -> manifests.Composed:
    """Return the image of the layers; the node picks it by its platform, as any other."""
    system, _, architecture = platform.partition("/")
    config = _json(
        {
            "architecture": architecture,
            "os": system,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in added]},
            "history": [{"comment": each.comment} for each in added],
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifests.MANIFEST,
        "config": {
            "mediaType": manifests.CONFIG,
            "digest": layers.digest(config),
            "size": len(config),
        },
        "layers": [each.descriptor() for each in added],
        "annotations": dict(annotations),
    }
    return manifests.Composed(config=config, manifest=_json(manifest))


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
