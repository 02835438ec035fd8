"""Files within an order: small enough for an annotation, the same text for the same files."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

import zstandard

from trainshed.builds import sources

_MOST = 2 * sources.MAX_BYTES
"""Of the files and their names: what unpacks to more is none of ours."""


def pack(files: Mapping[str, bytes]) -> str:
    """Return files as one text; empty for none."""
    if not files:
        return ""
    names = sorted(files)
    head = json.dumps([[name, len(files[name])] for name in names], separators=(",", ":"))
    data = b"".join((head.encode(), b"\n", *(files[name] for name in names)))
    return base64.b64encode(zstandard.ZstdCompressor(level=19).compress(data)).decode("ascii")


def unpack(text: str) -> dict[str, bytes]:
    """Return the files in a text; raises ValueError where it is none of `pack`."""
    if not text:
        return {}
    try:
        compressed = base64.b64decode(text, validate=True)
        # Not `decompress`: it takes the text's own word for how large it is.
        data = zstandard.ZstdDecompressor().stream_reader(compressed).read(_MOST + 1)
    except (binascii.Error, zstandard.ZstdError) as error:
        raise ValueError("the files of an order can't be unpacked") from error
    if len(data) > _MOST or not data:
        raise ValueError("the files of an order can't be unpacked")
    head, _, rest = data.partition(b"\n")
    files, at = {}, 0
    for name, size in json.loads(head):
        files[name] = rest[at : at + size]
        at += size
    return files
