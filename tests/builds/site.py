"""The cluster that the bench runs on: a namespace of its own, jobs, and what is told of them."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hack import apiserver
from tests import namespaces

Body = dict[str, Any]
SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace, and the names of the registry and of this machine as its pods see them."""

    api: apiserver.ApiServer
    name: str
    push: str
    """URL of the registry."""
    pull: str
    """Its host, as nodes name it."""

    @property
    def host(self) -> str:
        """Return this machine's address as pods see it."""
        return self.pull.partition(":")[0]

    @property
    def base(self) -> str:
        """Return the base image of every engine."""
        return f"{self.pull}/trainshed/pytorch:dev"

    def apply(self, name: str, spec: Mapping[str, Any]) -> float:
        """Create a TrainingJob; return the moment before, in seconds of the epoch."""
        body = {
            "apiVersion": "trainshed.dev/v1alpha1",
            "kind": "TrainingJob",
            "metadata": {"name": name},
            "spec": spec,
        }
        applied = time.time()
        self.api.create(apiserver.TRAINING_JOBS.format(namespace=self.name), body)
        return applied

    def image(self, name: str) -> Body:
        """Return status.image of a job once it has one."""
        return dict(self._until(name, "image")["image"])

    def ended(self, name: str) -> Body:
        """Return the status of a job that has succeeded."""
        status = self._until(name, "completionTime")
        if status.get("phase") != "Succeeded":
            raise TimeoutError(f"{name} did not succeed: {status.get('conditions')}")
        return status

    def first_step(self, name: str) -> float:
        """Return the moment of a job's first step, in seconds of the epoch."""
        timeline = self.ended(name)["timeline"]
        since = datetime.datetime.fromisoformat(timeline["since"]).timestamp()
        return float(since + timeline["toFirstStep"])

    def phase(self, name: str) -> float:
        """Return the seconds of a job's build phase, a pod's start and end among them."""
        return float(self.ended(name)["timeline"]["building"])

    def builds(self) -> frozenset[str]:
        """Return the uids of the builds in pods that are there: each stays for minutes."""
        path = apiserver.JOBS.format(namespace=self.name)
        chosen = {"labelSelector": "trainshed.dev/component=builder"}
        return frozenset(each["metadata"]["uid"] for each in self.api.get(path, **chosen)["items"])

    def _until(self, name: str, field: str) -> Body:
        path = apiserver.TRAINING_JOBS.format(namespace=self.name)

        def ready(job: Body) -> bool:
            status = job.get("status") or {}
            return field in status or status.get("phase") == "Failed"

        what = f"status.{field} of {name}"
        status: Body = self.api.wait(path, name, ready, what=what, seconds=SECONDS)["status"]
        if field not in status:
            raise TimeoutError(f"{name} has failed: {status.get('failure')}")
        return status


@contextlib.contextmanager
def opened(api: apiserver.ApiServer, info: Mapping[str, Any]) -> Iterator[Site]:
    """Give a namespace that is gone afterwards."""
    name = namespaces.make(api, "bench-builds")
    registry = info["registry"]
    try:
        account = f"{namespaces.PATH}/{name}/serviceaccounts"
        api.wait(account, "default", lambda _: True, what="the default account", seconds=30)
        yield Site(api, name, registry["push"], registry["pull"])
    finally:
        api.delete(f"{namespaces.PATH}/{name}")
