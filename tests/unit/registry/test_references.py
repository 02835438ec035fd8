"""Names of images: sound ones mean what they mean to docker, all others are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.registry import errors, references

DIGEST = f"sha256:{'0a' * 32}"
HUB = references.DOCKER_HUB
SOUND = {
    "r.example/a/b:1": ("r.example", "a/b", "1", ""),
    "r.example:5000/a": ("r.example:5000", "a", "latest", ""),
    "10.244.0.1:5000/trainshed/pytorch:dev": ("10.244.0.1:5000", "trainshed/pytorch", "dev", ""),
    "[::1]:5000/a:1": ("[::1]:5000", "a", "1", ""),
    "R.Example:5000/a": ("r.example:5000", "a", "latest", ""),
    "Docker.io/python": (HUB, "library/python", "latest", ""),
    "localhost/a": ("localhost", "a", "latest", ""),
    f"r.example/a@{DIGEST}": ("r.example", "a", "", DIGEST),
    f"r.example/a:1@{DIGEST}": ("r.example", "a", "1", DIGEST),
    "python": (HUB, "library/python", "latest", ""),
    "python:3.13": (HUB, "library/python", "3.13", ""),
    "pytorch/pytorch": (HUB, "pytorch/pytorch", "latest", ""),
    "docker.io/python": (HUB, "library/python", "latest", ""),
    "index.docker.io/pytorch/pytorch:2": (HUB, "pytorch/pytorch", "2", ""),
    "r.example/a__b/c-d.e": ("r.example", "a__b/c-d.e", "latest", ""),
}
HOSTILE = {
    "nothing": "",
    "a host only": "r.example/",
    "no tag after the colon": "r.example/a:",
    "no digest after the at": "r.example/a@",
    "two digests": f"r.example/a@{DIGEST}@{DIGEST}",
    "a short digest": "r.example/a@sha256:00",
    "another hash": f"r.example/a@md5:{'0' * 32}",
    "a newline at the end": "r.example/a:1\n",
    "a newline after a digest": f"r.example/a@{DIGEST}\n",
    "up": "r.example/../a",
    "up from within": "r.example/a/../b",
    "large letters": "r.example/A",
    "a query": "r.example/a?x=1",
    "a user in the host": "ann:pw@r.example/a",
    "a scheme": "https://r.example/a",
    "a space": "r.example/a b",
    "a slash after the tag": "r.example/a:1/b",
    "two colons": "r.example/a:1:2",
    "a port that is none": "r.example:http/a",
    "a host of another script": "r.exämple/a",
    "too long": "r.example/" + "a" * 600,
}


@pytest.mark.parametrize(("text", "parts"), SOUND.items(), ids=SOUND.keys())
def test_a_sound_reference_means_what_it_means_to_docker(
    text: str, parts: tuple[str, str, str, str]
) -> None:
    assert references.parse(text) == references.Reference(*parts)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(errors.BaseUnsupported, match=r"mend image\.base") as caught:
        references.parse(text)

    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 400


def test_an_image_is_asked_for_by_its_digest_where_it_has_one() -> None:
    assert references.parse(f"r.example/a:1@{DIGEST}").version == DIGEST
    assert references.parse("r.example/a:1").version == "1"


_PIECES = st.sampled_from(
    ["a", "B", ".", "/", ":", "@", "-", "_", "..", "\n", "[", "]", "%", "é", "sha256", DIGEST, "1"]
)


@given(st.text(max_size=40) | st.lists(_PIECES, max_size=12).map("".join))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    with contextlib.suppress(errors.BaseUnsupported):
        found = references.parse(text)
        url = f"{found.host}/v2/{found.repository}/manifests/{found.version}"
        assert url.isascii()
        assert not set(url) & set(" \n\r?#%\\@")
        assert ".." not in found.repository
