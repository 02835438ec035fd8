"""What of a watch is left out before kopf has to do with it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import aiohttp
import pytest

from trainshed.runtime import sieve

Event = Mapping[str, Any]


class Content:
    """A stream that comes in these chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for each in self.chunks:
            yield each

    def exception(self) -> str:
        return "the stream's own"


def line(type_: str, uid: str, spec: object, version: int = 1) -> bytes:
    metadata = {"uid": uid, "resourceVersion": str(version)}
    event = {"type": type_, "object": {"metadata": metadata, "spec": spec}}
    return json.dumps(event).encode() + b"\n"


def sieve_of(*chunks: bytes) -> sieve.Sieve:
    content = cast(aiohttp.StreamReader, Content(*chunks))
    return sieve.Sieve(content, lambda body: body["spec"])


async def through(*chunks: bytes) -> bytes:
    return b"".join([each async for each in sieve_of(*chunks).iter_chunked(1 << 20)])


FIRST = line("MODIFIED", "a", "x")
BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n'
ERROR = b'{"type":"ERROR","object":{"code":410}}\n'


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (line("MODIFIED", "a", "x", 2), False),
        (line("MODIFIED", "a", "y", 2), True),
        (line("MODIFIED", "b", "x", 2), True),
        (line("DELETED", "a", "x", 2), True),
        (BOOKMARK, True),
        (ERROR, True),
        (b'{"type":"MODIFIED","object":{"metadata":{"uid":"a"}}}\n', True),
        (b"no JSON\n", True),
    ],
    ids=[
        *("nothing is new", "it changed", "another object", "it went", "a bookmark", "an error"),
        *("no body", "no JSON"),
    ],
)
async def test_only_what_is_news_comes_through(second: bytes, told: bool) -> None:
    assert await through(FIRST + second) == FIRST + (second if told else b"")


async def test_what_changes_back_is_news_each_time() -> None:
    lines = [line("MODIFIED", "a", spec, number) for number, spec in enumerate("xyx")]

    assert await through(*lines) == b"".join(lines)


async def test_one_that_comes_again_after_it_went_is_news() -> None:
    lines = FIRST + line("DELETED", "a", "x") + line("ADDED", "a", "x")

    assert await through(lines) == lines


@pytest.mark.parametrize("at", [1, len(FIRST) - 1, len(FIRST), len(FIRST) + 5])
async def test_lines_may_be_cut_anywhere(at: int) -> None:
    stream = FIRST + line("MODIFIED", "a", "x", 2) + line("MODIFIED", "a", "y", 3)

    assert await through(stream[:at], stream[at:]) == FIRST + line("MODIFIED", "a", "y", 3)


async def test_what_ends_without_a_line_break_is_not_lost() -> None:
    assert await through(FIRST, b'{"type"') == FIRST + b'{"type"'


def test_it_is_the_content_for_all_other_ends() -> None:
    assert sieve_of().exception() == "the stream's own"
