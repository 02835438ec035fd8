"""Names by digest."""

import pytest

from trainshed.builds import pinning

DIGEST = "sha256:" + "d" * 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("python", "python"),
        ("python:3.13", "python"),
        ("registry.example/own/base:1", "registry.example/own/base"),
        ("registry.example:5000/own/base", "registry.example:5000/own/base"),
        ("registry.example:5000/own/base:1", "registry.example:5000/own/base"),
        (f"registry.example:5000/own/base:1@{DIGEST}", "registry.example:5000/own/base"),
        ("[::1]:5000/base:1", "[::1]:5000/base"),
    ],
)
def test_a_digest_takes_the_place_of_the_tag(text: str, name: str) -> None:
    assert pinning.pinned(text, DIGEST) == f"{name}@{DIGEST}"
