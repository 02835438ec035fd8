"""Names of images by digest."""

from __future__ import annotations


def pinned(text: str, digest: str) -> str:
    """Return the name of an image with this digest in place of its tag, as whoever wrote it names
    its registry.
    """
    name = text.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    # A colon before the last slash is of a port.
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"
