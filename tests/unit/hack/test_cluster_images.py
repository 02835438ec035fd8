import json
import pathlib

import pytest

from hack.cluster import images, oci, registries

REFERENCES = {
    "a name alone gets a tag": ("probe", "r:5000/probe:latest"),
    "the local host is not part of the name": ("localhost/a/b:dev", "r:5000/a/b:dev"),
    "another registry's host is replaced": ("quay.example/a/b:1", "r:5000/a/b:1"),
    "a host with a port is replaced": ("10.244.0.1:5000/a:dev", "r:5000/a:dev"),
    "a folder that is no host stays": ("library/alpine:3", "r:5000/library/alpine:3"),
    "a digest becomes a tag": ("a/b@sha256:00", "r:5000/a/b:latest"),
    "an archive is named after its file": ("/tmp/My Image.tar", "r:5000/loaded/my-image:latest"),
}


@pytest.mark.parametrize(("image", "wanted"), REFERENCES.values(), ids=REFERENCES.keys())
def test_an_image_keeps_its_own_name_in_our_registry(image: str, wanted: str) -> None:
    assert images.reference(image, registry="r:5000") == wanted


@pytest.fixture
def program(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "pause-1234"
    path.write_bytes(b"\x7fELF" + bytes(1000))
    return path


def test_the_same_program_makes_the_same_image(program: pathlib.Path) -> None:
    first = oci.single_program(program, name="pause", user="65535:65535")
    program.touch()
    assert oci.single_program(program, name="pause", user="65535:65535") == first


def test_a_manifest_names_every_blob_with_its_size(program: pathlib.Path) -> None:
    image = oci.single_program(program, name="pause", user="65535:65535")
    manifest = json.loads(image.manifest)
    named = {one["digest"]: one["size"] for one in [manifest["config"], *manifest["layers"]]}
    assert named == {digest: len(blob) for digest, blob in image.blobs.items()}
    config = json.loads(image.blobs[manifest["config"]["digest"]])
    assert config["config"] == {"Entrypoint": ["/pause"], "User": "65535:65535"}


def test_passwords_are_hashed_as_docker_registry_wants_them() -> None:
    hashed = registries.bcrypt("secret")
    assert hashed.startswith("$2b$05$")
    assert len(hashed) == 60
    assert registries.bcrypt("secret") != hashed


def test_a_registry_with_credentials_asks_for_them(tmp_path: pathlib.Path) -> None:
    open_ = registries.config(folder=tmp_path, address="127.0.0.1:1", credentials=None)
    closed = registries.config(
        folder=tmp_path, address="127.0.0.1:1", credentials=registries.Credentials("ann", "x")
    )
    assert "auth" not in open_
    assert closed["auth"]["htpasswd"]["path"] == str(tmp_path / "htpasswd")


def test_a_registry_with_a_certificate_serves_tls(tmp_path: pathlib.Path) -> None:
    certificate = registries.Certificate(tmp_path / "c.pem", tmp_path / "k.pem")
    config = registries.config(
        folder=tmp_path, address="127.0.0.1:1", credentials=None, certificate=certificate
    )
    assert config["http"]["tls"]["key"] == str(tmp_path / "k.pem")
