"""Pushes images to a registry, unless it has them already."""

from __future__ import annotations

import http.client
import json
import pathlib
from collections.abc import Callable
from dataclasses import dataclass

from hack.images import catalogue, errors, programs
from hack.images.engines import base as engines

_MANIFESTS = ", ".join(
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry by its host and port."""

    address: str
    plain_http: bool

    def ref(self, image: catalogue.Image) -> str:
        """Return the image's name in this registry."""
        return f"{self.address}/{image.repository}"

    def digest(self, image: catalogue.Image) -> str | None:
        """Return the digest that the image's tag has now, or nothing; asks the registry."""
        kind = http.client.HTTPConnection if self.plain_http else http.client.HTTPSConnection
        connection = kind(self.address, timeout=_SECONDS)
        repository, _, tag = image.repository.rpartition(":")
        try:
            headers = {"Accept": _MANIFESTS}
            connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers=headers)
            return connection.getresponse().headers.get("Docker-Content-Digest")
        except OSError as error:
            raise errors.Unavailable(
                f"the registry {self.address} does not answer ({error}): start the cluster "
                "(`python -m hack.cluster up`), or name another by --registry"
            ) from None
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What of an image lies in a registry."""

    ref: str
    digest: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes with one engine; the folder records which digest became of which image."""

    engine: engines.Engine
    folder: pathlib.Path
    digest_of: Callable[[catalogue.Image], str | None]

    def push(
        self,
        image: catalogue.Image,
        registry: Registry,
        *,
        log: pathlib.Path,
        on_line: programs.OnLine,
    ) -> Pushed:
        """Bring the image to the registry and return what lies there."""
        found = self.engine.find(image.local)
        if found is None:
            raise errors.Unavailable(
                f"the image {image.name} is not there: build it first "
                f"(`python -m hack.images build {image.name}`)"
            )
        ref = registry.ref(image)
        there = self.digest_of(image)
        if there is not None and there == self._recorded(image).get(found.id):
            return Pushed(ref, there, sent=False)
        to = engines.Destination(ref, plain_http=registry.plain_http)
        digest = self.engine.push(image.local, to, log=log, on_line=on_line)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._record(image).write_text(json.dumps({found.id: digest}), "ascii")
        return Pushed(ref, digest, sent=True)

    def _recorded(self, image: catalogue.Image) -> dict[str, str]:
        try:
            recorded: dict[str, str] = json.loads(self._record(image).read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return {}
        return recorded

    def _record(self, image: catalogue.Image) -> pathlib.Path:
        return self.folder / f"{image.name}.json"
