"""Where an image's code is from, as annotations that any tool reads.

They are no part of the content key: commits whose code is the same are the same image in all but
these words. So each has a manifest of its own, of the same layers, and each time the same one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib import parse

from trainshed.builds import orders

SOURCE = "org.opencontainers.image.source"
REVISION = "org.opencontainers.image.revision"


def of(order: orders.Order, revision: str) -> dict[str, str]:
    """Return the annotations for the code of an order; none where it is from no such place."""
    if order.git is not None:
        return of_git(order.git.url, revision)
    if order.oci is not None:
        return {SOURCE: order.oci.name, REVISION: revision}
    return {}


def of_git(url: str, revision: str) -> dict[str, str]:
    """Return the annotations for a commit of a repository."""
    return {SOURCE: public(url), REVISION: revision}


def public(url: str) -> str:
    """Return a repository's address without what may be a secret: a user, a query, a fragment."""
    if "://" not in url:
        return url.rpartition("@")[2]
    parts = parse.urlsplit(url)
    return parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def variant(marks: Mapping[str, str]) -> str:
    """Return what tells an image of these marks from another of its key; empty for no marks."""
    if not marks:
        return ""
    return hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()[:12]


def relabelled(manifest: Mapping[str, object], annotations: Mapping[str, str]) -> bytes:
    """Return a manifest or an index with other annotations, as it would have been composed."""
    document = {**manifest, "annotations": dict(annotations)}
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
