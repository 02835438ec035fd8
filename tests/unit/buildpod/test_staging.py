"""What an engine is given, and what is believed of what it left."""

from __future__ import annotations

import base64
import json
import os
import pathlib
from typing import Any

import pytest

from tests import facts
from trainshed.buildpod import failing, fetching, staging, words
from trainshed.builds import dockerfiles, layers, orders, stages
from trainshed.registry import credentials, targets

ASKED = dockerfiles.Dockerfile("docker/Dockerfile")
TREE = {
    "docker/Dockerfile": b"FROM x",
    "run.sh": layers.Program(b"#!/bin/sh"),
    "lib/a.py": b"A = 1",
    "also.py": layers.Link(b"lib/a.py"),
}


ALLOWED = ("http://allowed:5000", "known.example")


def order(**fields: Any) -> orders.Order:
    return facts.pod_order(base="", dockerfile=ASKED, **fields)


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a pod's volumes, as they are at its start."""
    for path in ("/work", dockerfiles.IMAGE, dockerfiles.ACCESS, stages.PULL_SECRETS):
        at(tmp_path, path).mkdir(parents=True)
    return tmp_path


def at(root: pathlib.Path, path: str) -> pathlib.Path:
    return root / path.lstrip("/")


def lay_out(root: pathlib.Path, tree: dict[str, bytes] | None = None, **settings: str) -> None:
    given = {"push": "https://r:1", "pull": "r:1", "ca_pem": "", **settings}
    ca_pem = given.pop("ca_pem")
    target = targets.Target(**given, prefix="trainshed", allowed=frozenset(ALLOWED))
    staging.lay_out(
        order(),
        fetching.Fetched(tree or TREE, "c" * 40),
        target=target,
        ca_pem=ca_pem,
        without_tls=["lab:5000"],
        root=root,
    )


def ended(root: pathlib.Path, code: str | None = "0", log: str = "") -> None:
    """Let the engine have ended."""
    at(root, dockerfiles.LOG).write_text(log)
    if code is not None:
        at(root, dockerfiles.CODE).write_text(f"{code}\n")


def test_the_code_comes_back_from_the_engine_as_it_went(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root)
    found = staging.collected(order(), root=root)
    assert found.files == TREE
    assert {name: type(data) for name, data in found.files.items()} == {
        name: type(data) for name, data in TREE.items()
    }
    assert found.revision == "c" * 40


def test_a_dockerfile_that_is_not_there_is_told_with_those_that_are(root: pathlib.Path) -> None:
    with pytest.raises(
        failing.BuildFailed, match=r"'docker/Dockerfile', but 'b/Dockerfile.gpu'"
    ) as told:
        lay_out(root, {"a.py": b"", "b/Dockerfile.gpu": b""})  # fmt: skip
    assert told.value.reason == "DockerfileNotFound"
    assert told.value.terminal


@pytest.mark.parametrize(("url", "plain"), [("http://r:1", "true"), ("https://r:1", "false")])
def test_both_engines_reach_the_registry_as_the_operator_does(
    root: pathlib.Path, url: str, plain: str
) -> None:
    lay_out(root, push=url, ca_pem="PEM")
    home = at(root, dockerfiles.HOME)
    containers = (home / ".config/containers/registries.conf").read_text()
    assert f'location = "r:1"\ninsecure = {plain}' in containers
    buildkit = (home / ".config/buildkit/buildkitd.toml").read_text()
    assert f'[registry."r:1"]\nhttp = {plain}' in buildkit
    assert (home / ".config/containers/certs.d/r:1/ca.crt").read_text() == "PEM"
    assert "/image/home/.config/containers/certs.d/r:1/ca.crt" in buildkit


def test_registries_without_tls_that_the_settings_name_are_reached_so(root: pathlib.Path) -> None:
    lay_out(root)
    home = at(root, dockerfiles.HOME)
    containers = (home / ".config/containers/registries.conf").read_text()
    buildkit = (home / ".config/buildkit/buildkitd.toml").read_text()
    for each in ("lab:5000", "allowed:5000"):
        assert f'location = "{each}"\ninsecure = true' in containers
        assert f'[registry."{each}"]\nhttp = true' in buildkit
    assert "known.example" not in containers


def test_the_nodes_name_of_the_registry_leads_where_the_pod_reaches_it(
    root: pathlib.Path,
) -> None:
    folder = at(root, stages.PULL_SECRETS) / "0"
    folder.mkdir()
    auths = {"localhost:30500": {"auth": "bm9kZQ=="}}
    (folder / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    lay_out(root, push="http://registry.svc:5000", pull="localhost:30500")
    home = at(root, dockerfiles.HOME)
    containers = (home / ".config/containers/registries.conf").read_text()
    assert (
        'prefix = "localhost:30500"\nlocation = "registry.svc:5000"\ninsecure = true' in containers
    )
    buildkit = (home / ".config/buildkit/buildkitd.toml").read_text()
    assert '[registry."localhost:30500"]\nmirrors = ["registry.svc:5000"]' in buildkit
    known = json.loads((at(root, dockerfiles.ACCESS) / "config.json").read_text())["auths"]
    assert known["registry.svc:5000"] == known["localhost:30500"]


def test_logins_of_all_pull_secrets_are_one_file_and_the_first_of_a_host_counts(
    root: pathlib.Path,
) -> None:
    first = {"a": {"username": "u", "password": "p"}, "b": {"auth": "Zmlyc3Q="}}
    for index, auths in enumerate([first, {"b": {"auth": "c2Vjb25k"}, "c": {"auth": "dGhpcmQ="}}]):
        folder = at(root, stages.PULL_SECRETS) / str(index)
        folder.mkdir()
        (folder / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))
    lay_out(root)
    found = json.loads((at(root, dockerfiles.ACCESS) / "config.json").read_text())["auths"]
    assert found == {
        "a": {"auth": base64.b64encode(b"u:p").decode()},
        "b": {"auth": "Zmlyc3Q="},
        "c": {"auth": "dGhpcmQ="},
    }


BAD_LOGINS = ['{"a": {}}', '{"a": 1}', '{"a": {"username": "hunter2"}}', "1"]


@pytest.mark.parametrize("text", ["", "[]", "{}", *(f'{{"auths": {each}}}' for each in BAD_LOGINS)])
def test_a_pull_secret_that_is_none_is_named_and_not_shown(root: pathlib.Path, text: str) -> None:
    folder = at(root, stages.PULL_SECRETS) / "0"
    folder.mkdir()
    (folder / ".dockerconfigjson").write_text(text)
    with pytest.raises(failing.BuildFailed, match=r"Secret 0 of image\.pullSecrets") as told:
        lay_out(root)
    assert told.value.reason == "SecretInvalid"
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize("mine", [b"", b"mine:own"], ids=["no secret", "a secret"])
def test_who_the_pod_is_at_our_registry_is_told_the_engine_unless_a_secret_says_so(
    root: pathlib.Path, mine: bytes
) -> None:
    if mine:
        secret = at(root, stages.PULL_SECRETS) / "0"
        secret.mkdir()
        auths = {"r": {"auth": base64.b64encode(mine).decode()}}
        (secret / ".dockerconfigjson").write_text(json.dumps({"auths": auths}))

    staging.lay_out(
        order(),
        fetching.Fetched(TREE, "c" * 40),
        target=targets.Target("https://r", "r", "trainshed", frozenset({"known.example"})),
        ca_pem="",
        login=credentials.Login("oauth2accesstoken", "lent"),
        root=root,
    )

    told = json.loads((at(root, dockerfiles.ACCESS) / "config.json").read_text())["auths"]
    assert told == {"r": {"auth": base64.b64encode(mine or b"oauth2accesstoken:lent").decode()}}


def test_what_the_first_step_refused_is_told_by_the_last(root: pathlib.Path) -> None:
    said = words.refused("SourceRefNotFound", "no such branch", terminal=True)
    at(root, dockerfiles.REFUSAL).write_text(said)
    with pytest.raises(failing.BuildFailed, match="no such branch") as told:
        staging.collected(order(), root=root)
    assert (told.value.reason, told.value.terminal) == ("SourceRefNotFound", True)


def test_the_engines_time_is_from_what_it_was_given_to_what_it_left(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root)
    os.utime(at(root, dockerfiles.REVISION), (100, 100))
    for left, seconds in ((130, 30.0), (90, 0.0)):
        os.utime(at(root, dockerfiles.CODE), (left, left))
        assert staging.engine_seconds(root) == seconds


@pytest.mark.parametrize("code", ["3", None, "", "zero"])
def test_an_engine_that_did_not_end_well_gave_no_image(
    root: pathlib.Path, code: str | None
) -> None:
    lay_out(root)
    ended(root, code, "step 2\nit broke")
    with pytest.raises(failing.BuildFailed, match="it broke") as told:
        staging.collected(order(), root=root)
    assert told.value.reason == "DockerfileFailed"


def test_only_the_end_of_a_long_log_is_read(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, "1", "early\n" + "x" * 100 + "\n" * 200_000 + "late")
    with pytest.raises(failing.BuildFailed, match="late") as told:
        staging.collected(order(), root=root)
    assert "early" not in str(told.value)


def test_a_log_that_leads_elsewhere_is_not_read(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, "1")
    secret = root / "secret"
    secret.write_text("hunter2")
    at(root, dockerfiles.LOG).unlink()
    at(root, dockerfiles.LOG).symlink_to(secret)
    with pytest.raises(failing.BuildFailed) as told:
        staging.collected(order(), root=root)
    assert "hunter2" not in str(told.value)


def test_a_pipe_in_the_place_of_the_code_is_no_success(root: pathlib.Path) -> None:
    lay_out(root)
    ended(root, None)
    os.mkfifo(at(root, dockerfiles.CODE))
    with pytest.raises(failing.BuildFailed):
        staging.collected(order(), root=root)
