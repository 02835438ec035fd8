"""Which files may go into an image: hostile names never reach a tar."""

from __future__ import annotations

from collections.abc import Mapping

MAX_BYTES = 1 << 20
"""Inline and ConfigMap sources are packed in the operator's memory."""
_PART_BYTES = 255
_PATH_BYTES = 1024
_WHITEOUT = ".wh."
"""In a layer a file of such a name deletes one of the layers below."""


class SourceRefused(Exception):
    """A file that can't be packed; the message names it and says what to do."""


class SourceTooLarge(SourceRefused):
    """More than may be fetched."""


def check(files: Mapping[str, bytes], *, limit: int = MAX_BYTES) -> None:
    """Raise SourceRefused where a name is unsafe or the files are too large together."""
    for name in files:
        if not _safe(name):
            shown = ascii(name[:100])
            raise SourceRefused(f"{shown} is no plain relative path without '..': rename the file")
    for name in files:
        parents = _parents(name)
        if taken := next((each for each in parents if each in files), None):
            raise SourceRefused(f"{taken!r} is a file and a folder of {name!r}: rename one")
    total = sum(map(len, files.values()))
    if total > limit:
        largest = sorted(files, key=lambda name: len(files[name]), reverse=True)[:3]
        named = ", ".join(f"{name} ({len(files[name])} bytes)" for name in largest)
        raise SourceRefused(f"the files have {total} bytes, {limit} may be packed: {named}")


def _safe(name: str) -> bool:
    parts = name.split("/")
    return (
        name.isprintable()
        and "\\" not in name
        and len(name.encode()) <= _PATH_BYTES
        and all(part not in ("", ".", "..") for part in parts)
        and not any(part.startswith(_WHITEOUT) for part in parts)
        and all(len(part.encode()) <= _PART_BYTES for part in parts)
    )


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]
