"""The image that is mounted."""

import json

from tests.unit.builds import bases
from trainshed.builds import volumes


def test_it_has_our_layers_alone_and_says_nothing_of_how_to_run() -> None:
    code = bases.code()

    image = volumes.compose([code], platform="linux/arm64", annotations={"a": "b"})

    manifest, config = json.loads(image.manifest), json.loads(image.config)
    assert manifest["layers"] == [code.descriptor()]
    assert manifest["annotations"] == {"a": "b"}
    assert config == {
        "architecture": "arm64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [code.diff_id]},
        "history": [{"comment": "code"}],
    }
