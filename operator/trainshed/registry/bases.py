"""Base images: found by name, read for a platform, and put under new layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.builds import layers as packed
from trainshed.builds import manifests, volumes
from trainshed.registry import client as clients
from trainshed.registry import errors, references


@dataclass(frozen=True, slots=True)
class Base:
    """A base image for one platform."""

    reference: references.Reference
    digest: str
    """What the reference means: the index's, where the image has one."""
    manifest: Mapping[str, Any] = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)
    programs: str = ""
    """A folder of programs in the layers that come on top; empty for none."""

    def layers(self) -> list[tuple[str, int]]:
        """Return digest and size of its layers; raises BaseUnsupported."""
        try:
            return manifests.base_layers(self.manifest)
        except manifests.BaseUnsupported as error:
            raise _unsupported(error) from error

    def compose(
        self, added: Sequence[packed.Layer], *, key: str, marks: Mapping[str, str] | None = None
    ) -> manifests.Composed:
        """Return the image with the layers on top; raises BaseUnsupported."""
        try:
            return manifests.compose(
                base_manifest=self.manifest,
                base_config=self.config,
                added=added,
                annotations=self.annotations(key, marks or {}),
                programs=self.programs,
            )
        except manifests.BaseUnsupported as error:
            raise _unsupported(error) from error

    def annotations(self, key: str, marks: Mapping[str, str]) -> dict[str, str]:
        """Return what an image says of itself."""
        return described(self.reference, self.digest, key, marks)


@dataclass(frozen=True, slots=True)
class Untouched:
    """A base that runs as it is: what is made for it has none of its layers."""

    reference: references.Reference
    digest: str
    platform: str

    def layers(self) -> list[tuple[str, int]]:
        """Return none: nodes have the base from its own place."""
        return []

    def compose(
        self, added: Sequence[packed.Layer], *, key: str, marks: Mapping[str, str] | None = None
    ) -> manifests.Composed:
        """Return the image that is mounted."""
        annotations = self.annotations(key, marks or {})
        return volumes.compose(added, platform=self.platform, annotations=annotations)

    def annotations(self, key: str, marks: Mapping[str, str]) -> dict[str, str]:
        """Return what an image says of itself."""
        return described(self.reference, self.digest, key, marks)


def described(
    reference: references.Reference, digest: str, key: str, marks: Mapping[str, str]
) -> dict[str, str]:
    """Return what an image on a base says of itself: the base, its key, and further marks."""
    return {
        "org.opencontainers.image.base.name": f"{reference.host}/{reference.repository}",
        "org.opencontainers.image.base.digest": digest,
        "dev.trainshed.build.key": key,
        **marks,
    }


async def resolve(origin: clients.Client, reference: references.Reference) -> str:
    """Return the digest of what a tag means now; raises BaseNotFound."""
    digest = await origin.find_manifest(reference.repository, reference.version)
    if digest is None:
        raise _not_found(reference)
    return digest


async def read(
    origin: clients.Client, reference: references.Reference, *, digest: str, platform: str
) -> Base:
    """Return the base of a digest; raises BaseNotFound and BaseUnsupported."""
    repository = reference.repository
    try:
        manifest = await origin.manifest(repository, digest)
        if "manifests" in manifest:
            manifest = await origin.manifest(repository, manifests.choose(manifest, platform))
        config = await origin.blob(repository, manifests.config_digest(manifest))
        manifests.check_platform(config, platform)
    except errors.NotFound as error:
        raise _not_found(reference) from error
    except manifests.BaseUnsupported as error:
        raise _unsupported(error) from error
    return Base(reference, digest, manifest, config)


def _not_found(base: references.Reference) -> errors.BaseNotFound:
    separator = "@" if base.digest else ":"
    name = f"{base.host}/{base.repository}{separator}{base.version}"
    return errors.BaseNotFound(f"there is no base image {name}: push it, or name another one")


def _unsupported(error: manifests.BaseUnsupported) -> errors.BaseUnsupported:
    return errors.BaseUnsupported(f"{error}: use another image.base")
