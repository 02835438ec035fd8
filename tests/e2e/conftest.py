"""The installed operator on the local cluster. `make test-e2e` brings both up first."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hack import apiserver

ROOT = pathlib.Path(__file__).resolve().parents[2]
Body = dict[str, Any]


@pytest.fixture(scope="session")
def info() -> Body:
    """Return the local cluster's particulars."""
    command = [sys.executable, "-m", "hack.cluster", "info", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: Body = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def api(info: Body) -> Iterator[apiserver.ApiServer]:
    """Return the API server."""
    found = apiserver.ApiServer.from_kubeconfig(info["kubeconfig"])
    yield found
    found.http.close()


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test, under PodSecurity restricted."""

    api: apiserver.ApiServer
    name: str

    @property
    def jobs(self) -> str:
        """Return the path of its TrainingJobs."""
        return apiserver.TRAINING_JOBS.format(namespace=self.name)

    @property
    def workloads(self) -> str:
        """Return the path of its Jobs."""
        return apiserver.JOBS.format(namespace=self.name)

    @property
    def pods(self) -> str:
        """Return the path of its pods."""
        return apiserver.PODS.format(namespace=self.name)

    def apply(self, name: str, spec: Body) -> Body:
        """Create a TrainingJob."""
        return self.api.create(
            self.jobs,
            {
                "apiVersion": "trainshed.dev/v1alpha1",
                "kind": "TrainingJob",
                "metadata": {"name": name},
                "spec": spec,
            },
        )

    def until(
        self, name: str, ready: Callable[[Body], bool], *, what: str, seconds: float = 90
    ) -> Body:
        """Return the status of a TrainingJob once it is as wanted."""
        body = self.api.wait(
            self.jobs, name, lambda job: ready(job.get("status") or {}), what=what, seconds=seconds
        )
        status: Body = body.get("status") or {}
        return status

    def finished(self, name: str, *, seconds: float = 180) -> Body:
        """Return the status of a TrainingJob once it has ended."""
        return self.until(
            name,
            lambda status: status.get("phase") in ("Succeeded", "Failed"),
            what=f"{name} to end",
            seconds=seconds,
        )

    def told(self, name: str, type_: str, reason: str, *, seconds: float = 30) -> str:
        """Return the message of a condition once it has this reason."""

        def has(status: Body) -> bool:
            found = condition(status, type_)
            return found is not None and found["reason"] == reason

        status = self.until(name, has, what=f"{name}: {type_} {reason}", seconds=seconds)
        found = condition(status, type_)
        assert found is not None
        return str(found["message"])


def condition(status: Body, type_: str) -> Body | None:
    """Return one condition of a status."""
    return next((each for each in status.get("conditions", ()) if each["type"] == type_), None)


def create_namespace(api: apiserver.ApiServer) -> Namespace:
    """Return a new namespace whose pods must be restricted."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts"
    api.wait(account, "default", lambda _: True, what="the default service account", seconds=30)
    return Namespace(api, name)


@pytest.fixture
def namespace(api: apiserver.ApiServer) -> Iterator[Namespace]:
    """Return a namespace that ends with the test."""
    found = create_namespace(api)
    yield found
    api.delete(f"/api/v1/namespaces/{found.name}")


def cnn(**training: Any) -> Body:
    """Return the spec of a small built-in model."""
    return {
        "framework": "pytorch",
        "model": {"name": "cnn", "params": {"channels": [8, 16], "hidden": 32}},
        "data": {"name": "digits"},
        "training": {"epochs": 3, "optimizer": {"learningRate": 0.003}, **training},
    }


def script(text: str, **extra: Any) -> Body:
    """Return the spec of an inline script."""
    return {
        "framework": "pytorch",
        "source": {"inline": {"files": {"train.py": text}}},
        **extra,
    }
