import json
import os
import pathlib

import pytest

from hack.images import errors, places
from hack.images.engines import base, buildah, docker
from tests.unit.hack import images_fakes

REF = "localhost/trainshed/operator:dev"
CONFIG = {"created": "2026-01-01T00:00:00Z", "config": {"Labels": {"dev.trainshed.inputs": "h"}}}
INSPECTED = json.dumps({"FromImageID": "abc", "Config": json.dumps(CONFIG)})
ORDER = base.Build(
    ref=REF,
    dockerfile=pathlib.Path("/tree/images/operator/Dockerfile"),
    context=pathlib.Path("/tree"),
    arguments={"BASE": "localhost/trainshed/base:dev"},
    labels={"dev.trainshed.inputs": "h"},
)
COMMAND = base.Command(
    ["python3", "-m", "pytest"],
    mounts=(pathlib.Path("/tree"),),
    folder="/tree",
    environment={"A": "b c"},
    user="65532:65532",
)
LOG = pathlib.Path("/dev/null")


def ignore(line: str) -> None:
    return


def by_buildah(programs: images_fakes.Programs) -> buildah.Buildah:
    lie = places.Places(root=pathlib.Path("/tree"), cache=pathlib.Path("/cache"))
    return buildah.Buildah(lie, driver="overlay", run=programs)


def test_buildah_works_in_a_store_of_its_own() -> None:
    programs = images_fakes.Programs({"inspect": INSPECTED})
    by_buildah(programs).find(REF)
    assert programs.ran[0][:3] == ["buildah", "--root", "/cache/storage"]
    assert programs.ran[0][3:5] != ["--runroot", "/run/containers/storage"]


def test_buildah_finds_an_image_with_its_labels() -> None:
    programs = images_fakes.Programs({"inspect": INSPECTED})
    found = by_buildah(programs).find(REF)
    assert found == base.Found("abc", {"dev.trainshed.inputs": "h"}, "2026-01-01T00:00:00Z")


def test_buildah_tells_an_unknown_image_from_a_failure() -> None:
    assert by_buildah(images_fakes.Programs()).find(REF) is None

    class Broken(images_fakes.Programs):
        def output(self, argv: object) -> str:
            raise errors.CommandFailed("no space left on device")

    with pytest.raises(errors.CommandFailed, match="no space"):
        by_buildah(Broken()).find(REF)


def test_buildah_builds_without_a_container_runtime() -> None:
    programs = images_fakes.Programs()
    by_buildah(programs).build(ORDER, log=LOG, on_line=ignore)
    (argv,) = programs.ran
    line = " ".join(argv)
    assert "--isolation chroot --layers" in line
    assert "--build-arg BASE=localhost/trainshed/base:dev" in line
    assert line.endswith(f"--tag {REF} --file /tree/images/operator/Dockerfile /tree")


@pytest.mark.parametrize(("plain", "said"), [(True, True), (False, False)])
def test_buildah_drops_tls_only_where_it_is_told(plain: bool, said: bool) -> None:
    programs = images_fakes.Programs()
    to = base.Destination("registry.example/x:dev", plain_http=plain)
    assert by_buildah(programs).push(REF, to, log=LOG, on_line=ignore) == "sha256:abc"
    assert ("--tls-verify=false" in programs.ran[0]) is said


def test_buildah_removes_the_container_of_a_run_and_returns_its_code() -> None:
    programs = images_fakes.Programs({" from ": "container-1\n", " rm ": ""})
    assert by_buildah(programs).run(REF, COMMAND) == 7
    made, ran, removed = programs.ran
    assert made[-4:] == ["from", "--name", f"trainshed-run-{os.getpid()}", REF]
    assert ran[-5:] == ["container-1", "--", "python3", "-m", "pytest"]
    assert "--volume /tree:/tree" in " ".join(ran)
    assert removed[-2:] == ["rm", "container-1"]


def test_buildah_removes_the_containers_that_nobody_uses() -> None:
    names = ["abc-working-container", "trainshed-run-0", f"trainshed-run-{os.getpid()}"]
    listed = json.dumps([{"containername": name} for name in names])
    programs = images_fakes.Programs({" containers ": listed, " rm ": ""})
    by_buildah(programs).tidy()
    removed = [argv[-1] for argv in programs.ran if "rm" in argv]
    assert removed == ["abc-working-container", "trainshed-run-0"]


def test_buildah_says_null_where_there_are_no_containers() -> None:
    by_buildah(images_fakes.Programs({" containers ": "null\n"})).tidy()


def test_an_existing_store_keeps_its_driver(tmp_path: pathlib.Path) -> None:
    (tmp_path / "vfs-images").mkdir()
    assert buildah.driver(tmp_path, run=images_fakes.Programs({"unshare": ""})) == "vfs"


@pytest.mark.skipif("os.geteuid() != 0", reason="only root can try a mount")
@pytest.mark.parametrize(
    ("answers", "driver"), [({"unshare": ""}, "overlay"), ({}, "vfs")], ids=["mounts", "refuses"]
)
def test_a_new_store_uses_overlay_where_it_can_be_mounted(
    tmp_path: pathlib.Path, answers: dict[str, str], driver: str
) -> None:
    storage = tmp_path / "storage"
    assert buildah.driver(storage, run=images_fakes.Programs(answers)) == driver
    assert list(storage.iterdir()) == []


def test_docker_finds_an_image_with_its_labels() -> None:
    told = [{"Id": "sha256:abc", "Created": "now", "Config": {"Labels": {"a": "b"}}}]
    programs = images_fakes.Programs({"image inspect": json.dumps(told)})
    assert docker.Docker(run=programs).find(REF) == base.Found("abc", {"a": "b"}, "now")


def test_docker_tells_the_pushed_digest_of_the_right_registry() -> None:
    digests = ["other.example/x@sha256:1", "registry.example:5000/x@sha256:2"]
    programs = images_fakes.Programs({"tag": "", "inspect": json.dumps(digests)})
    to = base.Destination("registry.example:5000/x:dev", plain_http=True)
    assert docker.Docker(run=programs).push(REF, to, log=LOG, on_line=ignore) == "sha256:2"


def test_docker_runs_the_command_in_place_of_the_entry_point() -> None:
    programs = images_fakes.Programs()
    assert docker.Docker(run=programs).run(REF, COMMAND) == 7
    assert programs.ran[0][-5:] == ["--entrypoint", "python3", REF, "-m", "pytest"]


def test_docker_without_a_daemon_does_not_answer() -> None:
    assert not docker.Docker(run=images_fakes.Programs()).answers()


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (
            ["STEP 2/5: RUN apt-get update", "Get:1"],
            ["step 2/5 RUN apt-get update", "step 2/5 Get:1"],
        ),
        (["[2/6] STEP 1/4: FROM x AS uv"], ["step 2/6, 1/4 FROM x AS uv"]),
        (["#7 [uv 2/2] RUN apt-get update"], ["step uv 2/2 RUN apt-get update"]),
        (["I: Unpacking libc6", ""], ["I: Unpacking libc6"]),
    ],
)
def test_progress_is_the_step_and_its_last_line(lines: list[str], shown: list[str]) -> None:
    seen: list[str] = []
    steps = base.Steps(seen.append)
    for line in lines:
        steps(line)
    assert seen == shown
