"""What the layers of an artifact are: archives, files with names, or nothing that is taken."""

from __future__ import annotations

from typing import Any

import pytest

from trainshed.builds import artifacts, sources

DIGEST = "sha256:" + "a" * 64
TITLE = "org.opencontainers.image.title"
OCI = "application/vnd.oci.image.layer.v1.tar"


def layer(media_type: str = OCI, title: str = "", **fields: Any) -> dict[str, Any]:
    marks = {"annotations": {TITLE: title}} if title else {}
    return {"mediaType": media_type, "digest": DIGEST, "size": 10, **marks, **fields}


def parts(*each: Any, limit: int = 100) -> list[artifacts.Part]:
    return artifacts.parts({"layers": list(each)}, limit=limit)


@pytest.mark.parametrize(
    "media_type",
    [
        OCI,
        f"{OCI}+gzip",
        f"{OCI}+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.cncf.flux.content.v1.tar+gzip",
    ],
)
def test_tars_of_any_owner_are_archives(media_type: str) -> None:
    assert parts(layer(media_type)) == [artifacts.Part(DIGEST, 10, "")]


def test_a_file_with_a_title_is_that_file_whatever_type_it_was_given() -> None:
    assert parts(layer(OCI, "train.py"), layer("text/plain", "./lib/a.py")) == [
        artifacts.Part(DIGEST, 10, "train.py"),
        artifacts.Part(DIGEST, 10, "lib/a.py"),
    ]


def test_a_folder_with_a_title_is_an_archive() -> None:
    packed = layer(
        f"{OCI}+gzip", annotations={TITLE: "code", "io.deis.oras.content.unpack": "true"}
    )
    assert parts(packed) == [artifacts.Part(DIGEST, 10, "")]


def test_an_empty_layer_is_passed_over() -> None:
    empty = layer("application/vnd.oci.empty.v1+json")
    assert len(parts(empty, layer())) == 1
    with pytest.raises(sources.SourceRefused, match="holds no files"):
        parts(empty)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (layer("application/vnd.cyclonedx+json"), "neither a tar nor a file"),
        (layer(f"{OCI}+encrypted"), "neither a tar nor a file"),
        (layer(urls=["https://elsewhere.example/x"]), "stored elsewhere"),
        (layer(digest="sha512:" + "a" * 128), "not named by a sha256"),
        (layer(size=-1), "without a size"),
        (layer(size=True), "without a size"),
        (layer(size="10"), "without a size"),
        ("layer", "no artifact"),
    ],
)
def test_what_is_neither_is_refused(given: Any, said: str) -> None:
    with pytest.raises(sources.SourceRefused, match=said):
        parts(given)


@pytest.mark.parametrize("manifest", [{}, {"layers": None}, {"layers": {}}, {"fsLayers": []}])
def test_a_document_without_layers_is_no_artifact(manifest: dict[str, Any]) -> None:
    with pytest.raises(sources.SourceRefused, match="no artifact and no image"):
        artifacts.parts(manifest, limit=1)


def test_more_than_may_be_fetched_is_refused_before_it_is() -> None:
    with pytest.raises(sources.SourceTooLarge, match="has 20 bytes, and 19 may be fetched"):
        parts(layer(), layer(), limit=19)
    with pytest.raises(sources.SourceRefused, match="128 layers"):
        parts(*[layer(size=0)] * 128)


def entry(digest: str, architecture: str) -> dict[str, Any]:
    return {"digest": digest, "platform": {"os": "linux", "architecture": architecture}}


def test_an_index_means_the_manifest_of_the_platform_or_its_only_one() -> None:
    other = "sha256:" + "b" * 64
    several = {"manifests": [entry(other, "arm64"), entry(DIGEST, "amd64")]}
    assert artifacts.chosen(several, "linux/amd64") == DIGEST
    assert artifacts.chosen({"manifests": [{"digest": other}]}, "linux/amd64") == other
    for each in ({"manifests": []}, {"manifests": [{"digest": other}, {"digest": DIGEST}]}):
        with pytest.raises(sources.SourceRefused, match="without a manifest for linux/amd64"):
            artifacts.chosen(each, "linux/amd64")
