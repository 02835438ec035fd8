"""Pushes images to a registry, unless it has them already."""

from __future__ import annotations

import http.client
import json
import pathlib
import re
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
_URL = re.compile(r"(?:(?P<scheme>https?)://)?(?P<address>[^/]+)/?")
# What engines take for a registry: a name or an address, and a port.
_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry by its host and port."""

    address: str
    plain_http: bool

    def ref(self, image: catalogue.Image, *, tag: str = catalogue.TAG) -> str:
        """Return the image's name in this registry."""
        return f"{self.address}/{image.repository}:{tag}"

    def digest(self, image: catalogue.Image, tag: str) -> str | None:
        """Return the digest that the image's tag has now, or nothing; asks the registry."""
        kind = http.client.HTTPConnection if self.plain_http else http.client.HTTPSConnection
        connection = kind(self.address, timeout=_SECONDS)
        try:
            headers = {"Accept": _MANIFESTS}
            path = f"/v2/{image.repository}/manifests/{tag}"
            connection.request("HEAD", path, headers=headers)
            return connection.getresponse().headers.get("Docker-Content-Digest")
        except (OSError, http.client.HTTPException) as error:
            raise errors.Unavailable(
                f"the registry {self.address} does not answer ({error}): start the cluster "
                "(`python -m hack.cluster up`), or name another by --registry"
            ) from None
        finally:
            connection.close()


def registry(given: str, *, plain_http: bool = False) -> Registry:
    """Return the registry of a URL or of HOST[:PORT]; without TLS only where that is said."""
    url = _URL.fullmatch(given)
    address = _ADDRESS.fullmatch(url["address"]) if url else None
    if url is None or address is None or int(address["port"] or 1) not in range(1, 65536):
        raise errors.Refused(
            f"{_shown(given)!r} is no registry's address: give HOST[:PORT], with http:// before it "
            "where it has no TLS; repositories and credentials are not part of it "
            "(log in by `docker login` or `buildah login`)"
        )
    if plain_http and url["scheme"] == "https":
        raise errors.Refused(f"{given} has TLS: leave out --plain-http, or say http://")
    return Registry(url["address"], plain_http or url["scheme"] == "http")


def _shown(given: str) -> str:
    """Return what may be printed of an address: no credentials."""
    _, at, after = given.rpartition("@")
    return f"...@{after}" if at else given


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
    digest_of: Callable[[catalogue.Image, str], str | None]

    def push(
        self,
        image: catalogue.Image,
        registry: Registry,
        *,
        tag: str,
        log: pathlib.Path,
        on_line: programs.OnLine,
    ) -> Pushed:
        """Bring the image to the registry under the tag, and return what lies there."""
        found = self.engine.find(image.local)
        if found is None:
            raise errors.Unavailable(
                f"the image {image.name} is not there: build it first "
                f"(`python -m hack.images build {image.name}`)"
            )
        ref = registry.ref(image, tag=tag)
        there = self.digest_of(image, tag)
        record = self.folder / f"{image.name}-{tag}.json"
        if there is not None and there == _recorded(record).get(found.id):
            return Pushed(ref, there, sent=False)
        to = engines.Destination(ref, plain_http=registry.plain_http)
        digest = self.engine.push(image.local, to, log=log, on_line=on_line)
        self.folder.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({found.id: digest}), "ascii")
        return Pushed(ref, digest, sent=True)


def _recorded(record: pathlib.Path) -> dict[str, str]:
    try:
        recorded: dict[str, str] = json.loads(record.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return {}
    return recorded
