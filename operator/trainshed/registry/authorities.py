"""Certificates of authorities in a file, and nothing else that people write beside them."""

from __future__ import annotations

import pathlib
import re

_CERTIFICATE = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]+ )?CERTIFICATE)-----[A-Za-z0-9+/=\s]+-----END \1-----"
)


def read(path: pathlib.Path) -> str:
    """Return the PEM blocks of a file, a line each; comments around them are in any encoding."""
    text = path.read_bytes().decode("ascii", "replace")
    return "".join(f"{match[0]}\n" for match in _CERTIFICATE.finditer(text))
