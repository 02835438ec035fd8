"""Settings of registries: which host is called how, and what can't be meant."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from trainshed.registry import errors, opening, targets


def target(
    push: str = "https://push.example",
    pull: str = "pull.example:5000",
    prefix: str = "trainshed",
    allowed: tuple[str, ...] = (),
) -> targets.Target:
    return targets.Target(push=push, pull=pull, prefix=prefix, allowed=frozenset(allowed))


URLS = {
    "our registry by the nodes' name": ("pull.example:5000", (), "https://push.example"),
    "our registry by the operator's name": ("push.example", (), "https://push.example"),
    "another one": ("other.example", ("other.example",), "https://other.example"),
    "another one, named as a URL": ("o.example", ("https://o.example/",), "https://o.example"),
    "one without TLS": ("o.example:80", ("http://o.example:80",), "http://o.example:80"),
    "one with and without": ("o.example", ("http://o.example", "o.example"), "https://o.example"),
    "the hub": ("registry-1.docker.io", ("docker.io",), "https://registry-1.docker.io"),
}


@pytest.mark.parametrize(("host", "allowed", "url"), URLS.values(), ids=URLS.keys())
def test_a_host_is_called_as_the_settings_say(
    host: str, allowed: tuple[str, ...], url: str
) -> None:
    assert target(allowed=allowed).url(host) == url


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("other.example", ()),
        ("other.example:444", ("other.example",)),
        ("sub.other.example", ("other.example",)),
        ("other.example.evil", ("other.example",)),
        ("pull.example", ()),
    ],
)
def test_a_host_that_is_not_named_is_not_called(host: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(errors.NotAllowed, match=r"registry\.allowed"):
        target(allowed=allowed).url(host)


@pytest.mark.parametrize(
    ("prefix", "repository"),
    [("trainshed", "trainshed/ns/team-a"), ("/a/b/", "a/b/ns/team-a"), ("", "ns/team-a")],
)
def test_a_namespace_has_a_repository_below_the_prefix(prefix: str, repository: str) -> None:
    assert target(prefix=prefix).repository("team-a") == repository


@pytest.mark.parametrize(
    ("prefix", "repository"),
    [
        ("project/trainshed-{namespace}", "project/trainshed-team-a/ns/team-a"),
        ("example.com/project/{namespace}-jobs/", "example.com/project/team-a-jobs/ns/team-a"),
    ],
)
def test_a_namespace_may_have_a_part_of_the_prefix_of_its_own(prefix: str, repository: str) -> None:
    found = target(prefix=prefix)
    found.check()

    assert found.repository("team-a") == repository


UNUSABLE: dict[str, tuple[dict[str, str], str]] = {
    "a name that is every name": ({"prefix": "project/{namespace}"}, "once, in a name"),
    "two of them": ({"prefix": "{namespace}-a/b-{namespace}"}, "once, in a name"),
    "no URL": ({"push": "push.example"}, "registry.push must be a URL"),
    "another scheme": ({"push": "ftp://push.example"}, "registry.push must be a URL"),
    "credentials": ({"push": "https://ann:secret@push.example"}, "must not hold credentials"),
    "a path to push to": ({"push": "https://push.example/x"}, "registry.prefix"),
    "a path to pull from": ({"pull": "pull.example/x"}, "registry.prefix"),
    "a prefix in capitals": ({"prefix": "Trainshed"}, "make no image name"),
    "no host to pull from": ({"pull": ""}, "make no image name"),
}


async def open_with(tmp_path: pathlib.Path, **settings: Any) -> None:
    library = tmp_path / "trainshed_trainer"
    library.mkdir(exist_ok=True)
    (library / "__init__.py").write_bytes(b"")
    given = {"ca_file": "", "credentials_file": "", "library": tmp_path, **settings}
    async with opening.open_builder(clock=lambda: 0.0, **given):
        pass


@pytest.mark.parametrize(("change", "told"), UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_settings_that_no_registry_can_be_meant_by_are_told_at_the_start(
    tmp_path: pathlib.Path, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        await open_with(tmp_path, target=target(**change))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"no PEM"], ids=["no file", "empty", "no PEM"])
async def test_an_authority_that_can_not_be_read_is_told_at_the_start(
    tmp_path: pathlib.Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ValueError, match=r"registry\.ca: .* is no readable PEM file"):
        await open_with(tmp_path, target=target(), ca_file=str(path))


async def test_credentials_that_can_not_be_read_are_told_without_them(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {"r.example": {"auth": "secret!"}}}))

    with pytest.raises(ValueError, match=r"r\.example") as caught:
        await open_with(tmp_path, target=target(), credentials_file=str(path))

    assert "secret" not in str(caught.value)


async def test_good_settings_open(tmp_path: pathlib.Path) -> None:
    await open_with(tmp_path, target=target())
