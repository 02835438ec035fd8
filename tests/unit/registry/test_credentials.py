"""Logins out of a docker config.json, which nothing prints."""

import base64
import json
import pathlib
from typing import Any

import pytest

from trainshed.registry import credentials

AUTH = base64.b64encode(b"ann:pass:word").decode()


def written(tmp_path: pathlib.Path, document: Any) -> str:
    path = tmp_path / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_no_path_is_no_logins() -> None:
    assert credentials.load("") == {}


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("r.example", "r.example"),
        ("r.example:5000", "r.example:5000"),
        ("https://r.example/v2/", "r.example"),
        ("http://10.0.0.1:5000", "10.0.0.1:5000"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
    ],
)
def test_a_host_is_known_by_any_name_that_docker_writes(
    tmp_path: pathlib.Path, name: str, host: str
) -> None:
    path = written(tmp_path, {"auths": {name: {"auth": AUTH}}})

    assert credentials.load(path) == {host: credentials.Login("ann", "pass:word")}


def test_a_user_and_a_password_do_without_auth(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, {"auths": {"r": {"username": "ann", "password": "pw"}}})

    assert credentials.load(path)["r"] == credentials.Login("ann", "pw")


def test_an_identity_token_is_kept(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, {"auths": {"r": {"auth": AUTH, "identitytoken": "tok"}}})

    assert credentials.load(path)["r"].identity_token == "tok"


@pytest.mark.parametrize("document", [{}, {"auths": {}}, {"auths": None}, {"credsStore": "x"}])
def test_a_file_without_logins_is_no_logins(tmp_path: pathlib.Path, document: Any) -> None:
    assert credentials.load(written(tmp_path, document)) == {}


SECRET = "c2VjcmV0LXRoaW5n"


@pytest.mark.parametrize(
    "document",
    [
        f"not json {SECRET}",
        f'["{SECRET}"]',
        "[" * 100_000,
        {"auths": [SECRET]},
        {"auths": {"r": SECRET}},
        {"auths": {"r": {"auth": f"{SECRET}*not base64"}}},
        {"auths": {"r": {"auth": base64.b64encode(b"\xff\xfe" + SECRET.encode()).decode()}}},
    ],
    ids=["text", "list", "deep", "auths a list", "entry a text", "no base64", "no text in it"],
)
def test_a_file_that_is_none_is_refused_without_its_contents(
    tmp_path: pathlib.Path, document: Any
) -> None:
    with pytest.raises(ValueError, match=r"docker config\.json") as caught:
        credentials.load(written(tmp_path, document))

    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="is no readable docker config"):
        credentials.load(str(tmp_path / "none"))


def test_a_login_prints_no_secret() -> None:
    login = credentials.Login("ann", "pass:word", "tok")

    assert repr(login) == "Login()"
    assert set(login.secrets()) == {"pass:word", "tok", AUTH}
