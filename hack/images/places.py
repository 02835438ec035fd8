"""Where images, logs and caches lie. Touches no file."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass

from hack.cluster import settings

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Places:
    """The working tree, and the folder of what can be built again."""

    root: pathlib.Path
    cache: pathlib.Path

    @property
    def storage(self) -> pathlib.Path:
        """buildah's images: not the system's, so that nothing of the user's is touched."""
        return self.cache / "storage"

    @property
    def run(self) -> pathlib.Path:
        """buildah's mount counts, which must not outlive a boot."""
        return pathlib.Path("/run") / f"trainshed-images-{_short(str(self.storage))}"

    @property
    def rootfs(self) -> pathlib.Path:
        """The context of the image that debootstrap makes."""
        return self.cache / "rootfs"

    @property
    def tests(self) -> pathlib.Path:
        """Test tools for the images' Python, one folder for each set of them."""
        return self.cache / "tests"

    @property
    def pushed(self) -> pathlib.Path:
        """What was pushed where."""
        return self.cache / "pushed"

    @property
    def logs(self) -> pathlib.Path:
        return self.root / "build" / "logs"


def load(environment: Mapping[str, str] = os.environ) -> Places:
    """Return this user's places."""
    return Places(root=ROOT, cache=settings.cache(environment) / "images")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
