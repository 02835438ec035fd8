"""What is to be built, and its content key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed.builds import layers

VERSION = "1"
"""Of the layout and the packing: a change of either must be another key."""


@dataclass(frozen=True, slots=True)
class Request:
    """One image: what goes onto which base. Digests are `sha256:<hex>`."""

    base_digest: str
    library: str
    """The hash of the training library's tree: the same for every job, so made once."""
    source: Mapping[str, bytes] = field(repr=False)
    """The user's files by their path below /app; empty for a built-in model."""
    entrypoint: tuple[str, ...]
    platforms: tuple[str, ...] = ("linux/amd64",)
    """Sorted; an index for several, a plain image for one."""
    compression: str = "zstd"
    mounted: bool = False
    """Whether it is mounted into its base, rather than put onto it."""
    packages: str = ""
    """The hash of what lies between base and code, and of how it gets there; empty for nothing."""

    def key(self) -> str:
        """Return the content key, 32 hex digits: equal keys are the same image."""
        text = json.dumps(self.inputs(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def inputs(self) -> dict[str, object]:
        """Return all that the key is of, files by the hash of their tree."""
        parts: dict[str, object] = {
            "version": VERSION,
            "base": self.base_digest,
            "library": self.library,
            "source": tree_hash(self.source),
            "entrypoint": self.entrypoint,
            "platform": ",".join(self.platforms),
            "compression": self.compression,
        }
        if self.mounted:
            parts["delivery"] = "volume"
        if self.packages:
            parts["packages"] = self.packages
        return parts


def tree_hash(files: Mapping[str, bytes]) -> str:
    """Return a hash of names and contents; no two trees are run together to the same text."""
    total = hashlib.sha256()
    for name in sorted(files):
        data = files[name]
        kind = {layers.Program: "x", layers.Link: "l"}.get(type(data), "")
        total.update(f"{len(name.encode())}:{name}:{kind}{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()
