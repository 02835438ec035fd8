"""A builder as the operator has it, against a real registry, with every request remembered."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cluster import registry_server as servers
from tests.unit.registry import images
from trainshed.core import observed, plan
from trainshed.registry import authentication, credentials, retries, targets
from trainshed.registry import builder as building

LIBRARY = {"__init__.py": b'"""The library."""\n', "launch.py": b"print('launched')\n" * 2000}
CODE = {"train.py": b"print('trained')\n"}
ENTRYPOINT = ("python3", "-m", "trainshed_trainer.launch", "--", "python3", "train.py")


@dataclass(slots=True)
class Clock:
    """A clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@dataclass(slots=True)
class Rig:
    """A builder and what it does."""

    builder: building.Builder
    target: targets.Target
    wire: servers.Recorder
    clock: Clock
    slept: list[float] = field(default_factory=list)

    async def make(
        self,
        base: str,
        files: Mapping[str, bytes] = CODE,
        *,
        namespace: str = "team-a",
        compression: str = "zstd",
        forced: bool = False,
        **fields: Any,
    ) -> observed.BuiltImage:
        """Make an image on a base; what went over the wire for it is all that is remembered.

        `forced`: as of an image that a node could not pull. `fields`: more of the order.
        """
        self.wire.clear()
        order = plan.BuildOrder(
            base=base,
            entrypoint=ENTRYPOINT,
            compression=compression,
            forced=self.clock() if forced else None,
            **fields,
        )
        return await self.builder.make(namespace, order, files)

    def later(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.now += seconds


@contextlib.asynccontextmanager
async def opened(
    server: servers.Server,
    *,
    pull: str = "",
    allowed: tuple[str, ...] = (),
    logins: Mapping[str, credentials.Login] | None = None,
    tls: ssl.SSLContext | None = None,
    times: building.Times | None = None,
    issue: authentication.Issue | None = None,
) -> AsyncIterator[Rig]:
    """Yield a builder that pushes to a registry."""
    verify = tls or httpx.create_ssl_context(trust_env=False)
    wire = servers.Recorder(httpx.AsyncHTTPTransport(verify=verify, trust_env=False))
    slept: list[float] = []
    clock = Clock()
    target = targets.Target(
        push=server.url,
        pull=pull or server.address,
        prefix="trainshed",
        allowed=frozenset(allowed),
    )

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with httpx.AsyncClient(transport=wire, trust_env=False) as http:
        made = building.Builder(
            http,
            target=target,
            logins=lambda: logins or {},
            library=LIBRARY,
            clock=clock,
            patience=retries.Retries(sleep, lambda: 0.0),
            times=times or building.Times(),
            issue=issue,
        )
        yield Rig(made, target, wire, clock, slept)
        await made.close()


def push(
    server: servers.Server,
    image: images.Image,
    *,
    repository: str = "bases/python",
    tag: str = "1",
    auth: tuple[str, str] | httpx.Auth | None = None,
    verify: ssl.SSLContext | bool = True,
) -> str:
    """Push an image by calls of our own; return its reference."""
    url = f"{server.url}/v2/{repository}"
    with httpx.Client(auth=auth, verify=verify, trust_env=False, timeout=30) as http:
        for each in (*image.manifests, image):
            for digest, blob in each.blobs.items():
                begun = http.post(f"{url}/blobs/uploads/").raise_for_status()
                place = str(begun.url.join(begun.headers["Location"]))
                http.put(place, params={**_query(place), "digest": digest}, content=blob)
        for each in (*image.manifests, image):
            version = tag if each is image else each.digest
            headers = {"Content-Type": each.media_type}
            http.put(
                f"{url}/manifests/{version}", content=each.manifest, headers=headers
            ).raise_for_status()
    return f"{server.address}/{repository}:{tag}"


def _query(url: str) -> dict[str, str]:
    return dict(httpx.URL(url).params)


def read(server: servers.Server, ref: str, path: str) -> httpx.Response:
    """Read a manifest or a blob of an image's repository."""
    repository = ref.partition("/")[2].partition("@")[0]
    kinds = ("manifest", "index")
    headers = {"Accept": ", ".join(f"application/vnd.oci.image.{each}.v1+json" for each in kinds)}
    with httpx.Client(trust_env=False, timeout=30) as http:
        return http.get(f"{server.url}/v2/{repository}/{path}", headers=headers)


def manifest(server: servers.Server, ref: str) -> dict[str, object]:
    """Return the manifest of an image by its reference by digest."""
    answer = read(server, ref, f"manifests/{ref.partition('@')[2]}").raise_for_status()
    found: dict[str, object] = answer.json()
    return found


def layers_of(server: servers.Server, ref: str) -> list[str]:
    """Return the digests of an image's layers."""
    listed: Any = manifest(server, ref)["layers"]
    return [each["digest"] for each in listed]
