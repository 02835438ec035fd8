"""Where an image's code is from, and nothing that is nobody's business."""

from __future__ import annotations

import json

import pytest

from tests import facts
from trainshed.builds import orders, provenance

COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://git.example/team/code.git", "https://git.example/team/code.git"),
        ("https://ann:secret@git.example:8443/code", "https://git.example:8443/code"),
        ("https://git.example/code?private_token=secret#secret", "https://git.example/code"),
        ("ssh://git@git.example:22/code.git", "ssh://git.example:22/code.git"),
        ("git@git.example:team/code.git", "git.example:team/code.git"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert provenance.of_git(url, COMMIT) == {
        "org.opencontainers.image.source": shown,
        "org.opencontainers.image.revision": COMMIT,
    }


def test_images_are_told_apart_by_where_they_are_from() -> None:
    one = provenance.of_git("https://git.example/a", COMMIT)
    other = provenance.of_git("https://git.example/a", "d" * 40)
    assert provenance.variant(one) == provenance.variant(dict(reversed(one.items())))
    assert provenance.variant(one) != provenance.variant(other)
    assert provenance.variant({}) == ""


def test_another_label_changes_nothing_else() -> None:
    before = {"schemaVersion": 2, "layers": [{"digest": "x"}], "annotations": {"a": "1"}}
    after = json.loads(provenance.relabelled(before, {"b": "2"}))
    assert after == {**before, "annotations": {"b": "2"}}


@pytest.mark.parametrize("version", ["", ":1", "@sha256:" + "a" * 64, ":1@sha256:" + "a" * 64])
def test_an_artifact_is_named_without_its_version(version: str) -> None:
    for name in ("r.example:5000/team/code", "team/code"):
        order = facts.pod_order(oci=orders.Oci(f"{name}{version}", "key"))
        found = provenance.of(order, "sha256:x")
        assert found == {provenance.SOURCE: name, provenance.REVISION: "sha256:x"}


def test_code_of_a_claim_is_from_no_place_that_others_know() -> None:
    assert provenance.of(facts.pod_order(claim=orders.Claim("code", ".")), "") == {}
