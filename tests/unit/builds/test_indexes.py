"""The index of an image for several platforms."""

import json

from tests.unit.builds import bases
from trainshed.builds import indexes, layers, manifests


def composed(architecture: str, **more: str) -> manifests.Composed:
    config = {**bases.base_config(), "architecture": architecture, **more}
    return bases.composed(bases.base_manifest(bases.OCI_ZSTD), config)


def test_an_index_names_each_image_by_its_platform() -> None:
    amd, arm = composed("amd64"), composed("arm64", variant="v8")

    index = json.loads(indexes.compose([amd, arm], annotations={"a": "b"}))

    assert index == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "annotations": {"a": "b"},
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": layers.digest(each.manifest),
                "size": len(each.manifest),
                "platform": platform,
            }
            for each, platform in (
                (amd, {"os": "linux", "architecture": "amd64"}),
                (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
            )
        ],
    }


def test_the_same_images_make_the_same_bytes() -> None:
    images = [composed("amd64"), composed("arm64")]

    assert indexes.compose(images, annotations={}) == indexes.compose(images, annotations={})
