"""Opens the storage that a URI is of, by fsspec, which only who names a URI needs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

GOOGLE = "https://storage.googleapis.com"
"""Google's storage speaks S3's protocol, too: credentials are its HMAC keys."""
_UNKNOWN_TO_GOOGLE = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}
"""Without this each file that is written has a checksum of Amazon's, which Google refuses."""


def at(uri: str, *, environment: Mapping[str, str] = os.environ, **options: Any) -> tuple[Any, str]:
    """Return the file system of a URI, and its path there; raises whatever the library does."""
    if uri.startswith("gs://"):
        uri = f"s3{uri.removeprefix('gs')}"
        options["endpoint_url"] = environment.get("AWS_ENDPOINT_URL") or GOOGLE
        options["config_kwargs"] = _UNKNOWN_TO_GOOGLE
    core: Any = importlib.import_module("fsspec.core")
    files, path = core.url_to_fs(uri, **options)
    return files, path
