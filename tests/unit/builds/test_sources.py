"""Hostile names never reach a tar."""

import contextlib
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builds import trees
from trainshed.builds import sources

HOSTILE = {
    "empty": "",
    "absolute": "/etc/passwd",
    "up": "../train.py",
    "up from within": "a/../../train.py",
    "up at the end": "a/..",
    "here": "./train.py",
    "a folder": "a/",
    "two slashes": "a//b",
    "a backslash": "a\\b",
    "a zero byte": "a\0b",
    "a newline": "a\nb",
    "an escape": "a\x1b[31mb",
    "text that runs the other way": "a\u202eyp.exe",
    "half a character": "a\ud800b",
    "a space that is none": "a\u00a0b",
    "a name of 256 bytes": "n" * 256,
    "a name of 256 bytes in fewer characters": "ü" * 128,
    "a path of more than 1024 bytes": "/".join(["n" * 200] * 6),
    "a deletion of the base's file": ".wh.torch",
    "a deletion of the base's folder": "lib/.wh..wh..opq",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(sources.SourceRefused, match="rename the file"):
        sources.check({"train.py": b"", name: b""})


def test_the_refusal_shows_a_hostile_name_in_plain_letters() -> None:
    with pytest.raises(sources.SourceRefused) as caught:
        sources.check({"a\u202e\nb" + "x" * 5000: b""})

    assert str(caught.value).isascii()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name",
    ["train.py", "a/b/c.txt", "..data", "a..b", ".env", "名前.py", "with space.py", "n" * 255],
)
def test_a_plain_name_is_taken(name: str) -> None:
    sources.check({name: b"x"})


@given(st.dictionaries(st.text(max_size=40), st.binary(max_size=8), max_size=4))
def test_what_is_taken_stays_below_its_folder(files: dict[str, bytes]) -> None:
    try:
        sources.check(files)
    except sources.SourceRefused:
        return
    for name in files:
        assert posixpath.normpath(f"/app/{name}") == f"/app/{name}"


@given(trees.names())
def test_a_name_is_taken_or_refused_and_nothing_else(name: str) -> None:
    with contextlib.suppress(sources.SourceRefused):
        sources.check({name: b""})


def test_a_file_that_is_a_folder_too_is_refused() -> None:
    with pytest.raises(sources.SourceRefused, match="'lib/a' is a file and a folder"):
        sources.check({"lib/a": b"", "lib/a/b.py": b""})


def test_files_that_are_too_large_together_are_refused_with_the_largest_named() -> None:
    files = {f"f{size}": b"x" * size for size in range(40, 50)}

    with pytest.raises(sources.SourceRefused) as caught:
        sources.check(files, limit=100)

    assert str(caught.value) == (
        "the files have 445 bytes, 100 may be packed: f49 (49 bytes), f48 (48 bytes),"
        " f47 (47 bytes)"
    )


def test_exactly_the_limit_is_taken() -> None:
    sources.check({"a": b"x" * 60, "b": b"x" * 40}, limit=100)
