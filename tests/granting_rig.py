"""The token service on loopback, as a cluster's pods and nodes see it."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.cluster import registry_server as servers
from tests.unit.progress import issuer as issuers
from tests.unit.progress import rig as rigs
from trainshed.core import observed
from trainshed.granting import desk, plain, rights, signing
from trainshed.progress import builders, certificates, keys, limits, server, tokens
from trainshed.registry import issuing

FOLDER = "trainshed/ns"
AUDIENCE = "trainshed.dev/registry"


def build_pod(namespace: str = "team-a", name: str = "build-1", uid: str = "build-uid") -> Any:
    """Return a running build pod."""
    view = rigs.pod(name=name, uid=uid, namespace=namespace, job="")
    return dataclasses.replace(view, build="b" * 32)


@dataclass(slots=True)
class Rig:
    """A token service, the cluster that issues pods' tokens, and the pods that are known."""

    issuer: issuers.Issuer = field(default_factory=issuers.Issuer)
    authority: certificates.KeyPair = field(
        default_factory=lambda: certificates.create_authority(now=time.time())
    )
    pair: certificates.KeyPair = field(
        default_factory=lambda: certificates.create_authority(now=time.time())
    )
    clock: Callable[[], float] = time.time
    leading: bool = True
    pods: dict[str, observed.PodView] = field(
        default_factory=lambda: {
            "build-uid": build_pod(),
            "other-uid": build_pod("team-b", uid="other-uid"),
        }
    )
    nodes_url: str = ""
    pods_url: str = ""
    slept: list[float] = field(default_factory=list)

    @property
    def signer(self) -> signing.Signer:
        """Return what signs."""
        return signing.Signer(self.pair, clock=self.clock)

    def token(
        self, namespace: str = "team-a", uid: str = "build-uid", pod: str = "build-1", **claims: Any
    ) -> str:
        """Return a pod's projected token for the registry's audience."""
        bound = issuers.bound(namespace=namespace, pod=pod, uid=uid)
        return self.issuer.token(**{"aud": [AUDIENCE], "kubernetes.io": bound, **claims})

    async def operator(self, scopes: Any) -> str:
        """Give a token as the operator gives itself."""
        parts = [scope.split(":") for scope in scopes]
        asked = [{"type": k, "name": n, "actions": a.split(",")} for k, n, a in parts]
        return self.signer.token(asked, subject="operator")

    def wanted(self, folder: pathlib.Path) -> servers.Wanted:
        """Return a registry that believes this service."""
        folder.mkdir(parents=True, exist_ok=True)
        pem = folder / "tls.crt"
        pem.write_bytes(self.pair.certificate)
        service = servers.TokenService(self.nodes_url, signing.SERVICE, signing.ISSUER, pem)
        return servers.Wanted(tokens=service)

    async def ask(self, token: str, *scopes: str, service: str = signing.SERVICE) -> httpx.Response:
        """Ask as a build pod does, once."""
        trust = issuing.trusting(self.authority.certificate.decode())
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            return await http.get(
                self.pods_url,
                params={"service": service, "scope": list(scopes)},
                headers={"Authorization": f"Bearer {token}"},
            )

    async def login(self, account: rights.Account, *scopes: str) -> httpx.Response:
        """Ask as containerd does with a pull Secret."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(
                self.nodes_url,
                params={"service": signing.SERVICE, "scope": list(scopes)},
                auth=(account.namespace or "admin", self.signer.password(account)),
            )

    @contextlib.asynccontextmanager
    async def exchanger(
        self, token: Callable[[], str] | None = None
    ) -> AsyncIterator[issuing.Exchanger]:
        """Yield what a build pod gets its tokens by."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        trust = issuing.trusting(self.authority.certificate.decode())
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            yield issuing.Exchanger(
                http,
                url=self.pods_url,
                service=signing.SERVICE,
                token=token or self.token,
                sleep=sleep,
                random=lambda: 0.0,
            )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Rig]:
        """Serve both ways on free ports of loopback."""
        progress = rigs.Rig(issuer=self.issuer, authority=self.authority)
        found = keys.Keys(
            configuration=self.issuer.configuration, keys=self.issuer.keys, clock=time.monotonic
        )
        seams = desk.Seams(
            signer=self.signer,
            pods=builders.Pods(
                verifier=tokens.Verifier(keys=found, audience=AUDIENCE),
                find=self.pods.get,
                leading=lambda: self.leading,
            ),
            folder=FOLDER,
        )
        async with (
            server.serve(
                progress.seams(limits.Limits()),
                authority=self.authority,
                names=("localhost",),
                host="127.0.0.1",
                port=0,
                clock=time.time,
                also=desk.for_pods(seams),
            ) as secure,
            plain.serve(desk.for_nodes(seams), host="127.0.0.1", port=0) as open_,
        ):
            self.pods_url = f"https://localhost:{secure}{desk.PATH}"
            self.nodes_url = f"http://127.0.0.1:{open_}{desk.PATH}"
            yield self
