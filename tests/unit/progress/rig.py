"""The endpoint on loopback with real TLS, and what a test needs to push to it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.unit.progress import issuer as issuers
from trainshed.core import observed, reports
from trainshed.progress import certificates, endpoint, keys, limits, server, tokens

NAMES = ("localhost",)
PATH = "/v1/namespaces/team-a/trainingjobs/digits/progress"
KUBEFLOW_PATH = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/team-a/trainjobs/digits/status"


@dataclass(slots=True)
class Memory:
    """A sink that is a dictionary."""

    kept: dict[tuple[observed.JobKey, int | None], reports.Progress] = field(default_factory=dict)
    failures: dict[observed.JobKey, reports.Failure] = field(default_factory=dict)

    def last(self, key: observed.JobKey, fold: int | None) -> reports.Progress | None:
        """Return what was kept."""
        return self.kept.get((key, fold))

    def fail(self, key: observed.JobKey, failure: reports.Failure) -> None:
        """Keep a failure, if it is the first."""
        self.failures.setdefault(key, failure)

    def accept(self, key: observed.JobKey, progress: reports.Progress) -> None:
        """Keep it."""
        self.kept[key, progress.fold] = progress


def pod(
    *,
    name: str = "digits-1-0-abcde",
    uid: str = "pod-uid-1",
    job: str = "digits",
    namespace: str = "team-a",
    attempt: int = 1,
    index: int = 0,
    fold: int | None = None,
) -> observed.PodView:
    """Return a running pod of a training job."""
    return observed.PodView(
        namespace=namespace,
        name=name,
        uid=observed.Uid(uid),
        owner_uid=observed.Uid("job-uid"),
        resource_version="1",
        training_job=job,
        attempt=attempt,
        created=1_790_000_000.0,
        deleting=False,
        phase="Running",
        reason="",
        message="",
        node="node-1",
        container=observed.ContainerView(),
        index=index,
        fold=fold,
    )


@dataclass(slots=True)
class Rig:
    """The parts of a served endpoint. `now` is its clock."""

    issuer: issuers.Issuer
    authority: certificates.KeyPair
    now: float = 1_790_000_000.0
    monotonic: float = 1000.0
    leading: bool = True
    sink: Memory = field(default_factory=Memory)
    counts: Counter[str] = field(default_factory=Counter)
    pods: dict[str, observed.PodView] = field(default_factory=lambda: {"pod-uid-1": pod()})
    port: int = 0

    def seams(self, bounds: limits.Limits) -> endpoint.Seams:
        """Return the endpoint's seams."""
        found = keys.Keys(
            configuration=self.issuer.configuration,
            keys=self.issuer.keys,
            clock=lambda: self.monotonic,
        )
        return endpoint.Seams(
            verifier=tokens.Verifier(keys=found, audience=issuers.AUDIENCE, clock=time.time),
            pod=self.pods.get,
            sink=self.sink,
            leading=lambda: self.leading,
            count=lambda result: self.counts.update([result]),
            clock=lambda: self.now,
            limits=bounds,
        )

    @contextlib.asynccontextmanager
    async def serving(self, **bounds: Any) -> AsyncIterator[Rig]:
        """Serve on a free port of loopback."""
        async with server.serve(
            self.seams(limits.Limits(**bounds)),
            authority=self.authority,
            names=NAMES,
            host="127.0.0.1",
            port=0,
            clock=time.time,
        ) as port:
            self.port = port
            yield self

    def trust(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone, strictly."""
        context = ssl.create_default_context(cadata=self.authority.certificate.decode("ascii"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    async def post(
        self,
        body: Any = None,
        *,
        path: str = PATH,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Push as a pod does."""
        sent = {"Authorization": f"Bearer {token or self.issuer.token()}"} | (headers or {})
        async with httpx.AsyncClient(verify=self.trust(), trust_env=False) as client:
            return await client.post(
                f"https://localhost:{self.port}{path}",
                headers={name: value for name, value in sent.items() if value},
                **({"content": content} if content is not None else {"json": body}),
            )

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a verified TLS connection for a client that does not behave."""
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trust(), server_hostname="localhost"
        )

    @property
    def kept(self) -> reports.Progress | None:
        """Return what is known of the job that tests push for."""
        return self.kept_of(None)

    def kept_of(self, fold: int | None) -> reports.Progress | None:
        """Return what is known of a fold of it."""
        return self.sink.last(observed.JobKey("team-a", "digits"), fold)


def push(**changes: Any) -> dict[str, Any]:
    """Return the body of a push in the middle of a run."""
    return {
        "attempt": 1,
        "sequence": 12,
        "step": 1200,
        "totalSteps": 5000,
        "epoch": 3,
        "samples": 76800,
        "trainingSeconds": 18.7,
        "samplesPerSecond": 4100.2,
        "stepSeconds": {"p50": 0.015, "p95": 0.021},
        "dataWaitRatio": 0.04,
        "loss": 0.31,
        "metrics": {"accuracy": 0.93},
        "firstStepTime": 1790000000.1,
        "firstStepSeconds": 0.25,
        "startTime": 1789999990.0,
        "account": None,
    } | changes
