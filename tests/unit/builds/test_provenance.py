"""Where an image's code is from, and nothing that is nobody's business."""

from __future__ import annotations

import json

import pytest

from trainshed.builds import provenance

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
