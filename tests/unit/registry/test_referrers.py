"""Documents about an image: in registries that keep account of them, and in others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.registry import faults, faulty, images
from trainshed.registry import errors, referrers

REPOSITORY = "ns/team-a"
IMAGE = json.dumps({"mediaType": images.OCI + ".manifest.v1+json"}).encode()
SUBJECT = images.digest(IMAGE)
TAG = SUBJECT.replace("sha256:", "sha256-")
KIND = "application/vnd.example+json"


def registry(*, keeps_account: bool = False, fault: faulty.Fault = faulty.nothing_wrong) -> Any:
    """Return a registry that has the image."""
    found = faulty.Registry(fault, keeps_account=keeps_account)
    found.manifests[f"{REPOSITORY}:{SUBJECT}"] = IMAGE
    return found


async def attach(to: faulty.Registry, document: bytes = b"[1]") -> str:
    client = faulty.Rig(to).client
    return await referrers.attach(client, REPOSITORY, SUBJECT, document, kind=KIND)


def read(of: faulty.Registry, version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(of.manifests[f"{REPOSITORY}:{version}"])
    return found


async def test_a_document_names_the_image_that_it_is_about() -> None:
    to = registry(keeps_account=True)

    digest = await attach(to)

    manifest = read(to, digest)
    assert manifest["subject"] == {
        "mediaType": images.OCI + ".manifest.v1+json",
        "digest": SUBJECT,
        "size": len(IMAGE),
    }
    assert manifest["artifactType"] == KIND
    assert to.blobs[REPOSITORY, manifest["layers"][0]["digest"]] == b"[1]"
    assert to.blobs[REPOSITORY, manifest["config"]["digest"]] == b"{}"


async def test_a_registry_that_keeps_account_is_given_no_tag() -> None:
    to = registry(keeps_account=True)

    digest = await attach(to)

    here = {each for each in to.manifests if each.startswith(f"{REPOSITORY}:")}
    assert here == {f"{REPOSITORY}:{SUBJECT}", f"{REPOSITORY}:{digest}"}


async def test_one_that_does_not_is_given_the_account_itself() -> None:
    to = registry()

    first, second = await attach(to), await attach(to, b"[2]")

    listed = read(to, TAG)["manifests"]
    assert [each["digest"] for each in listed] == [first, second]
    assert {each["artifactType"] for each in listed} == {KIND}
    assert to.of("PUT", TAG)[-1].headers["Content-Type"] == images.OCI + ".index.v1+json"


async def test_the_same_document_is_listed_once() -> None:
    to = registry()

    assert await attach(to) == await attach(to)

    assert len(read(to, TAG)["manifests"]) == 1


@pytest.mark.parametrize("before", [b"{}", b'{"manifests": null}', b'{"manifests": ["x"]}'])
async def test_an_account_that_is_none_is_begun(before: bytes) -> None:
    to = registry()
    to.manifests[f"{REPOSITORY}:{TAG}"] = before

    digest = await attach(to)

    assert read(to, TAG)["manifests"][-1]["digest"] == digest


async def test_an_image_that_is_gone_has_nothing_attached() -> None:
    to = registry()
    del to.manifests[f"{REPOSITORY}:{SUBJECT}"]

    with pytest.raises(errors.NotFound):
        await attach(to)

    assert to.of("PUT") == []


async def test_a_full_registry_refuses_as_it_does_for_images() -> None:
    full = faults.at("PUT", "/blobs/", *[faults.status(507)] * 3)

    with pytest.raises(errors.QuotaExceeded):
        await attach(registry(fault=full))
