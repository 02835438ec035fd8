"""Of an index the right image is chosen; whatever a registry calls a base breaks nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builds.bases import (
    OCI_GZIP,
    Document,
    base_config,
    base_manifest,
    composed,
    digest,
)
from trainshed.builds import manifests


def index(*platforms: str) -> Document:
    """Return an index with an image for each platform."""
    entries = []
    for number, each in enumerate(platforms):
        system, _, architecture = each.partition("/")
        of = {"os": system, "architecture": architecture}
        entries.append({"digest": digest(number), "platform": of})
    return {"manifests": entries}


def test_of_an_index_the_image_of_the_platform_is_chosen() -> None:
    found = manifests.choose(index("linux/arm64", "linux/amd64", "windows/amd64"), "linux/amd64")

    assert found == digest(1)


def test_an_index_without_the_platform_says_which_it_has() -> None:
    listed = index("linux/arm64", "unknown/unknown", "linux/s390x")

    with pytest.raises(manifests.BaseUnsupported) as caught:
        manifests.choose(listed, "linux/amd64")

    assert str(caught.value) == "the base image has no linux/amd64, only linux/arm64, linux/s390x"


@pytest.mark.parametrize(
    "listed",
    [{}, {"manifests": []}, {"manifests": None}, {"manifests": "x"}, {"manifests": [3, None]}],
    ids=str,
)
def test_an_index_of_nothing_is_refused(listed: Document) -> None:
    with pytest.raises(manifests.BaseUnsupported, match="only nothing"):
        manifests.choose(listed, "linux/amd64")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
SOUND_LAYERS = base_manifest(OCI_GZIP)["layers"]


@given(
    st.fixed_dictionaries({}, optional={"config": JSON, "layers": JSON, "manifests": JSON}),
    st.fixed_dictionaries(
        {}, optional={"config": JSON, "rootfs": JSON, "history": JSON, "os": JSON}
    ),
)
def test_a_strange_base_is_refused_and_breaks_nothing(manifest: Document, config: Document) -> None:
    calls = (
        lambda: manifests.choose(manifest, "linux/amd64"),
        lambda: manifests.config_digest(manifest),
        lambda: manifests.check_platform(config, "linux/amd64"),
        lambda: composed(manifest, config),
        lambda: composed({**manifest, "layers": SOUND_LAYERS}, config),
        lambda: composed({**manifest, "layers": SOUND_LAYERS}, base_config() | config),
    )
    for call in calls:
        with contextlib.suppress(manifests.BaseUnsupported):
            call()


@pytest.mark.parametrize(
    "layer",
    [
        {"digest": "sha256:../../../etc"},
        {"digest": f"sha512:{'0' * 128}"},
        {"digest": None},
        {"size": "12"},
        {"size": -1},
        {"size": True},
    ],
    ids=str,
)
def test_a_layer_without_a_sound_digest_and_size_is_refused(layer: Document) -> None:
    with pytest.raises(manifests.BaseUnsupported, match="digest and a size"):
        composed(base_manifest(OCI_GZIP, **layer), base_config())
