"""An image is its base with layers on top; a base that can't carry them is refused."""

import hashlib
import json
import pathlib

import pytest

from tests.unit.builds.bases import (
    DOCKER_GZIP,
    OCI_GZIP,
    OCI_ZSTD,
    Document,
    base_config,
    base_manifest,
    code,
    composed,
    digest,
)
from trainshed.builds import layers, manifests

GOLDEN = pathlib.Path(__file__).parent / "golden"


def environment(*base: str) -> list[str]:
    """Return the variables of an image whose base has these."""
    image = composed(base_manifest(OCI_GZIP), base_config(Env=list(base)))
    found: list[str] = json.loads(image.config)["config"]["Env"]
    return found


@pytest.mark.parametrize(
    ("given_type", "kept_type"),
    [
        (DOCKER_GZIP, OCI_GZIP),
        ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
        (OCI_GZIP, OCI_GZIP),
        (OCI_ZSTD, OCI_ZSTD),
    ],
)
def test_a_bases_layers_go_under_their_oci_types(given_type: str, kept_type: str) -> None:
    found = json.loads(composed(base_manifest(given_type), base_config()).manifest)["layers"]

    assert found[0] == {"mediaType": kept_type, "digest": digest(0), "size": 1000}
    assert found[1] == code().descriptor()


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.target",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
        "",
    ],
)
def test_layers_that_no_runtime_can_have_of_us_are_refused(media_type: str) -> None:
    with pytest.raises(manifests.BaseUnsupported, match="a layer of type"):
        composed(base_manifest(media_type), base_config())


def test_a_layer_that_lies_elsewhere_is_refused() -> None:
    manifest = base_manifest(OCI_GZIP, urls=["https://elsewhere.example/layer"])

    with pytest.raises(manifests.BaseUnsupported, match="a layer of type"):
        composed(manifest, base_config())


def test_as_many_layers_as_a_runtime_takes_are_taken() -> None:
    most = manifests.MAX_LAYERS - 1

    image = composed(base_manifest(*[OCI_GZIP] * most), base_config(most))

    assert len(json.loads(image.manifest)["layers"]) == 127


def test_one_layer_more_is_refused() -> None:
    most = manifests.MAX_LAYERS

    with pytest.raises(manifests.BaseUnsupported, match="would have 128 layers"):
        composed(base_manifest(*[OCI_GZIP] * most), base_config(most))


def test_a_config_of_another_depth_is_refused() -> None:
    with pytest.raises(manifests.BaseUnsupported, match="differ in their layers"):
        composed(base_manifest(OCI_GZIP), base_config(2))


def test_our_folders_come_first_on_the_path_of_modules() -> None:
    assert environment("PATH=/bin", "PYTHONPATH=/usr/lib:/opt") == [
        "PATH=/bin",
        "PYTHONPATH=/opt/trainshed/trainer:/app:/usr/lib:/opt",
    ]


def test_a_base_without_a_path_of_modules_gets_one() -> None:
    assert environment("A=b") == ["A=b", "PYTHONPATH=/opt/trainshed/trainer:/app"]


def test_an_empty_path_of_modules_adds_no_current_folder() -> None:
    assert environment("PYTHONPATH=") == ["PYTHONPATH=/opt/trainshed/trainer:/app"]


def test_of_two_paths_of_modules_the_last_counts_as_it_does_in_a_runtime() -> None:
    assert environment("PYTHONPATH=/a", "PYTHONPATH=/b") == [
        "PYTHONPATH=/opt/trainshed/trainer:/app:/b"
    ]


def test_what_a_base_would_run_is_not_inherited() -> None:
    run: Document = {
        "Entrypoint": ["/entry"],
        "Cmd": ["bash"],
        "Healthcheck": {"Test": ["CMD", "true"]},
        "OnBuild": ["RUN x"],
        "StopSignal": "SIGKILL",
        "User": "0",
        "WorkingDir": "/",
        "Labels": {"a": "b"},
    }

    image = composed(base_manifest(OCI_GZIP), base_config(**run))

    assert json.loads(image.config)["config"] == {
        "Env": ["PYTHONPATH=/opt/trainshed/trainer:/app"],
        "Labels": {"a": "b"},
        "User": "1000:1000",
        "WorkingDir": "/app",
    }


def test_the_config_lists_every_layers_tar_and_its_history() -> None:
    document = json.loads(composed(base_manifest(OCI_GZIP), base_config()).config)

    assert document["rootfs"] == {"type": "layers", "diff_ids": [digest(50), code().diff_id]}
    assert document["history"] == [{"created_by": "RUN 0"}, {"comment": "code"}]
    assert (document["os"], document["architecture"]) == ("linux", "amd64")


@pytest.mark.parametrize(
    ("given_history", "kept"),
    [
        ([{"a": 1}, {"empty_layer": True}, {"b": 2}], [{"a": 1}, {"empty_layer": True}, {"b": 2}]),
        (None, [{"comment": "base image"}] * 2),
        ([{"a": 1}], [{"comment": "base image"}] * 2),
        ([{"a": 1}] * 3, [{"comment": "base image"}] * 2),
    ],
    ids=["with a step that made none", "none", "too short", "too long"],
)
def test_the_history_tells_of_every_layer(given_history: object, kept: list[Document]) -> None:
    config = {**base_config(2), "history": given_history}

    image = composed(base_manifest(OCI_GZIP, OCI_GZIP), config)

    assert json.loads(image.config)["history"] == [*kept, {"comment": "code"}]


@pytest.mark.parametrize("changes", [{"rootfs": None}, {"rootfs": {}}, {"config": ["x"]}], ids=str)
def test_a_config_that_is_of_no_image_is_refused(changes: Document) -> None:
    with pytest.raises(manifests.BaseUnsupported, match="the base image's config"):
        composed(base_manifest(OCI_GZIP), base_config() | changes)


@pytest.mark.parametrize("changes", [{"architecture": "arm64"}, {"os": "windows"}, {"os": None}])
def test_a_base_for_another_platform_is_refused(changes: Document) -> None:
    manifests.check_platform(base_config(), "linux/amd64")

    with pytest.raises(manifests.BaseUnsupported, match="not for linux/amd64"):
        manifests.check_platform(base_config() | changes, "linux/amd64")


def test_nothing_in_an_image_says_when_it_was_made() -> None:
    image = composed(base_manifest(OCI_GZIP), base_config())

    assert b'created"' not in image.config
    assert image == composed(base_manifest(OCI_GZIP), base_config())


def test_other_code_is_another_image() -> None:
    base = {"base_manifest": base_manifest(OCI_GZIP), "base_config": base_config()}
    one, other = (
        manifests.compose(**base, added=[code(data)], annotations={}) for data in (b"1", b"2")
    )

    assert one.digest != other.digest


def test_the_digest_is_of_the_bytes_that_are_sent() -> None:
    image = composed(base_manifest(OCI_GZIP), base_config())

    assert image.digest == f"sha256:{hashlib.sha256(image.manifest).hexdigest()}"
    config = json.loads(image.manifest)["config"]
    assert config["digest"] == f"sha256:{hashlib.sha256(image.config).hexdigest()}"
    assert config["size"] == len(image.config)


def test_an_image_is_as_it_was_agreed_upon() -> None:
    # Read the difference before you take it for the new golden file: every image changes with it.
    added = [
        layers.Layer(OCI_ZSTD, digest(7), digest(8), b"library", "trainshed: training library"),
        layers.Layer(OCI_ZSTD, digest(9), digest(10), b"code", "trainshed: code"),
    ]
    image = manifests.compose(
        base_manifest=base_manifest(DOCKER_GZIP, OCI_GZIP),
        base_config=base_config(2, Env=["PATH=/usr/bin"], Cmd=["bash"]),
        added=added,
        annotations={"dev.trainshed.build.key": "0" * 32},
    )

    for name, data in (("manifest", image.manifest), ("config", image.config)):
        expected = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
        assert json.loads(data) == expected
        assert data == json.dumps(expected, separators=(",", ":"), sort_keys=True).encode()
