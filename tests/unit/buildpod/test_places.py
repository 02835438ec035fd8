"""A build pod calls the registries that its order names, and the operator's own; no others."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests import facts
from trainshed.buildpod import failing, places
from trainshed.builds import orders
from trainshed.registry import errors

SETTINGS: dict[str, Any] = {
    "push": "https://own.example",
    "pull": "nodes.example:5000",
    "prefix": "trainshed",
    "allowed": ["known.example", "http://plain.example"],
    "withoutTls": ["Lab.example:5000"],
}
LOGINS = json.dumps({"auths": {"lab.example": {"username": "a", "password": "hunter2"}}})


@pytest.fixture
def mounts(tmp_path: pathlib.Path) -> places.Mounts:
    """Return where nothing is mounted but an empty file of authorities."""
    folders = [tmp_path / name for name in ("files", "push", "oci", "scratch")]
    for each in (folders[0], folders[3]):
        each.mkdir()
    (folders[0] / "ca.crt").touch()
    return places.Mounts(*folders)


def pem(text: str) -> str:
    """Return what looks like a certificate."""
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"


def found(mounts: places.Mounts, **order: Any) -> places.Places:
    return places.of(facts.pod_order(**order), SETTINGS, mounts=mounts)


def test_what_the_order_names_is_called_beside_what_the_settings_allow(
    mounts: places.Mounts,
) -> None:
    target = found(
        mounts,
        base="base.example/python:1",
        repository="to.example:443/team/images",
        oci=orders.Oci("code.example/team/code:1", ""),
    ).target

    for host in ("base.example", "to.example:443", "code.example", "known.example"):
        assert target.url(host) == f"https://{host}"
    assert target.url("nodes.example:5000") == "https://own.example"
    assert target.url("plain.example") == "http://plain.example"
    with pytest.raises(errors.NotAllowed):
        target.url("elsewhere.example")


def test_only_the_settings_tell_which_registry_has_no_tls(mounts: places.Mounts) -> None:
    target = found(mounts, base="lab.example:5000/python:1").target
    assert target.url("lab.example:5000") == "http://lab.example:5000"
    named = found(mounts, base="plain.example/python:1").target
    assert named.url("plain.example") == "http://plain.example"
    with pytest.raises(errors.BaseUnsupported):
        found(mounts, base="http://lab.example/python:1")


def test_the_hubs_tokens_are_those_of_its_own_service(mounts: places.Mounts) -> None:
    assert "auth.docker.io" in found(mounts, base="python:3.13").target.others()
    assert "auth.docker.io" not in found(mounts, base="quay.io/python:3.13").target.others()


def test_without_secrets_there_are_no_files(mounts: places.Mounts) -> None:
    known = found(mounts)
    assert (known.ca_file, known.push_file, known.oci_file) == ("", "", "")


def test_authorities_of_the_settings_and_the_secrets_are_trusted_together(
    mounts: places.Mounts,
) -> None:
    (mounts.files / "ca.crt").write_text(pem("ONE") + "\n")
    for each, text in ((mounts.push, pem("TWO")), (mounts.oci, pem("THREE") + "\n\n")):
        each.mkdir()
        (each / "ca.crt").write_text(text)
        (each / ".dockerconfigjson").write_text(LOGINS)

    known = found(mounts)

    told = pathlib.Path(known.ca_file).read_text()
    assert told == "".join(f"{pem(each)}\n" for each in ("ONE", "TWO", "THREE"))
    assert (known.push_file, known.oci_file) == (
        f"{mounts.push}/.dockerconfigjson",
        f"{mounts.oci}/.dockerconfigjson",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_is_written_beside_a_certificate_does_no_harm(
    mounts: places.Mounts, encoding: str
) -> None:
    said = f"# Zertifizierungsstelle München\n{pem('ONE')}\n# für alle\n{pem('TWO')}\n"
    (mounts.files / "ca.crt").write_bytes(said.encode(encoding))

    told = pathlib.Path(found(mounts).ca_file).read_text(encoding="ascii")
    assert told == f"{pem('ONE')}\n{pem('TWO')}\n"


@pytest.mark.parametrize("content", [None, "no json hunter2", '{"auths": {"a": {"auth": "%"}}}'])
def test_a_secret_that_holds_no_logins_is_named_by_its_field(
    mounts: places.Mounts, content: str | None
) -> None:
    mounts.oci.mkdir()
    if content is not None:
        (mounts.oci / ".dockerconfigjson").write_text(content)

    with pytest.raises(failing.BuildFailed, match=r"Secret of source\.oci\.pullSecret") as caught:
        found(mounts)

    assert caught.value.reason == "SecretInvalid"
    assert "hunter2" not in str(caught.value)
