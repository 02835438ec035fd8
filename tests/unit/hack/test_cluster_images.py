import json
import pathlib
from collections.abc import Sequence

import pytest

from hack.cluster import commands, errors, images, oci, registries

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


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


DIGESTS = ("other.example/a@sha256:22", "r:5000/a/b@sha256:33", "r:5000/a@sha256:11")


def play(ran: list[str], *, known: str = "", digests: Sequence[str] = DIGESTS) -> commands.Runner:
    """Return a machine whose buildah and docker know the images named in known."""

    def run(argv: Sequence[str], **_: object) -> str:
        ran.append(" ".join(argv))
        if "inspect" in argv and not (known and known in ran[-1]):
            raise errors.CommandFailed("no such image")
        if "--digestfile" in argv:
            pathlib.Path(argv[argv.index("--digestfile") + 1]).write_text("sha256:00", "ascii")
        return "an-id\n" if "pull" in argv else f"{json.dumps(digests)}\n"

    return run


def test_an_image_of_buildah_s_store_is_pushed_from_there(programs: pathlib.Path) -> None:
    (programs / "buildah").touch(mode=0o755)
    ran: list[str] = []
    run = play(ran, known="buildah inspect")
    assert images.push("a:dev", to="http://r:5000", pulled_as="p:5000", run=run) == (
        "p:5000/a@sha256:00"
    )
    assert ran[-1].endswith("--tls-verify=false a:dev docker://r:5000/a:dev")


def test_a_registry_with_tls_is_verified(programs: pathlib.Path) -> None:
    (programs / "buildah").touch(mode=0o755)
    ran: list[str] = []
    run = play(ran, known="buildah inspect")
    images.push("a:dev", to="https://r:5000", pulled_as="r:5000", run=run)
    assert "tls-verify" not in ran[-1]


def test_an_archive_does_not_touch_the_person_s_store(
    programs: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (programs / "buildah").touch(mode=0o755)
    archive = tmp_path / "a.tar"
    archive.touch()
    ran: list[str] = []
    images.push(str(archive), to="http://r:5000", pulled_as="r:5000", run=play(ran))
    assert ran[0].endswith(f"pull -q oci-archive:{archive}")
    assert ran[1].endswith("an-id docker://r:5000/loaded/a:latest")
    assert all(line.startswith("buildah --root /") for line in ran)


def test_docker_pushes_where_there_is_no_buildah(programs: pathlib.Path) -> None:
    (programs / "docker").touch(mode=0o755)
    ran: list[str] = []
    run = play(ran, known="docker image inspect")
    assert images.push("a:dev", to="http://r:5000", pulled_as="p:5000", run=run) == (
        "p:5000/a@sha256:11"
    )
    assert ran[-1] == "docker image rm --no-prune r:5000/a:dev"


def test_a_push_by_docker_that_left_no_digest_is_an_error(programs: pathlib.Path) -> None:
    (programs / "docker").touch(mode=0o755)
    ran: list[str] = []
    run = play(ran, known="docker image inspect", digests=DIGESTS[:2])
    with pytest.raises(errors.CommandFailed, match="knows no digest"):
        images.push("a:dev", to="http://r:5000", pulled_as="p:5000", run=run)
    assert ran[-1] == "docker image rm --no-prune r:5000/a:dev"


def test_an_image_that_nobody_has_is_an_error_that_says_what_to_do(
    programs: pathlib.Path,
) -> None:
    (programs / "buildah").touch(mode=0o755)
    with pytest.raises(errors.Unavailable, match="build it first"):
        images.push("a:dev", to="http://r:5000", pulled_as="r:5000", run=play([]))
