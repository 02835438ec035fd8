"""Tars as tests want them, hostile ones too."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

import zstandard

Content = bytes | str | tarfile.TarInfo
"""A file's bytes, a link's target, or an entry as it is."""


def tar(files: Mapping[str, Content], *, mode: int = 0o644) -> bytes:
    """Return a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                made.addfile(content)
            elif isinstance(content, str):
                made.addfile(special(name, tarfile.SYMTYPE, content))
            else:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), mode
                made.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """Return an entry of a type."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def compressed(data: bytes, how: str) -> bytes:
    """Return data as it is stored."""
    if how == "gzip":
        return gzip.compress(data, mtime=0)
    if how == "zstd":
        return zstandard.ZstdCompressor().compress(data)
    return data
