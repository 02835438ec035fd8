"""Files within an order."""

from __future__ import annotations

import base64

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trainshed.builds import embedding, sources

FILES = st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=200), max_size=8)


@given(FILES)
def test_files_come_back_as_they_went(files: dict[str, bytes]) -> None:
    assert embedding.unpack(embedding.pack(files)) == files


def test_the_same_files_in_another_order_are_the_same_text() -> None:
    one = embedding.pack({"a.py": b"1", "b.py": b"2"})

    assert one == embedding.pack({"b.py": b"2", "a.py": b"1"})


def test_no_files_are_no_text() -> None:
    assert embedding.pack({}) == ""


@pytest.mark.parametrize("text", ["?", "bm9uZQ==", base64.b64encode(b"x" * 40).decode()])
def test_what_is_no_packed_files_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unpacked"):
        embedding.unpack(text)


def test_what_unpacks_to_more_than_may_be_packed_is_refused() -> None:
    data = zstandard.ZstdCompressor().compress(b"0" * (2 * sources.MAX_BYTES + 1))

    with pytest.raises(ValueError, match="unpacked"):
        embedding.unpack(base64.b64encode(data).decode())
