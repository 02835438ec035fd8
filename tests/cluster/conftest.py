"""A real API server with the CRD, and a namespace of its own for each test.

The local cluster is brought up where it is down. TRAINSHED_TEST_KUBECONFIG names another cluster
to test against; none is ever taken by accident.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from hack import apiserver
from tests import builders, namespaces
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from trainshed.api import crd

ROOT = pathlib.Path(__file__).resolve().parents[2]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OPERATOR = "/apis/apps/v1/namespaces/trainshed-system/deployments/trainshed-operator"
Body = dict[str, Any]


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[servers.Server]:
    """Return an empty registry."""
    with servers.started(tmp_path / "registry") as found:
        yield found


@pytest.fixture
async def rig(server: servers.Server) -> AsyncIterator[rigs.Rig]:
    """Return a builder that pushes to the registry."""
    async with rigs.opened(server) as found:
        yield found


def _cluster(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hack.cluster", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture(scope="session")
def kubeconfig() -> pathlib.Path:
    """Return the path of the cluster's kubeconfig."""
    chosen = os.environ.get("TRAINSHED_TEST_KUBECONFIG")
    if chosen:
        return pathlib.Path(chosen)
    if _cluster("status").returncode != 0:
        started = _cluster("up")
        assert started.returncode == 0, started.stdout + started.stderr
    return pathlib.Path(json.loads(_cluster("info", "-o", "json").stdout)["kubeconfig"])


@pytest.fixture(scope="session")
def api(kubeconfig: pathlib.Path) -> Iterator[apiserver.ApiServer]:
    """Return the API server, with the CRDs as the models have them."""
    found = apiserver.ApiServer.from_kubeconfig(kubeconfig)
    replicas = _scaled(found, 0)
    for document in crd.documents().values():
        name = document["metadata"]["name"]
        if found.find(f"{CRDS}/{name}") is None:
            found.create(CRDS, document)
        else:
            found.request("PATCH", f"{CRDS}/{name}", {"spec": document["spec"]})
        found.wait(CRDS, name, is_established, what=f"the CRD {name}", seconds=30)
    yield found
    _scaled(found, replicas)
    found.http.close()


def _scaled(found: apiserver.ApiServer, replicas: int) -> int:
    """Set the replicas of an operator that a demo has installed, and return what they were.

    What these tests write is theirs alone to change.
    """
    if found.find(OPERATOR) is None:
        return 0
    before = found.get(OPERATOR)["spec"]["replicas"]
    found.request("PATCH", OPERATOR, {"spec": {"replicas": replicas}})
    deployments, _, name = OPERATOR.rpartition("/")
    found.wait(
        deployments,
        name,
        lambda each: each["status"].get("replicas", 0) == replicas,
        what=f"{replicas} operators",
        seconds=60,
    )
    return int(before)


def is_established(body: Body) -> bool:
    # A CRD is served with `conditions: null` for an instant after it is created.
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


class Namespace(namespaces.Namespace):
    """A namespace of one test, in which no operator works."""

    def apply(self, job: builders.TrainingJobBuilder, *, name: str = "gestures") -> Body:
        """Create a TrainingJob as `kubectl apply` does."""
        body = {**job.build(), "metadata": {"name": name}}
        return self.api.create(self.jobs, body)

    def refusal(self, job: builders.TrainingJobBuilder, *, name: str = "gestures") -> str:
        """Return the API server's sentence about a TrainingJob that it refuses."""
        with pytest.raises(apiserver.Refused) as caught:
            self.apply(job, name=name)
        return caught.value.message

    def patch_status(self, patch: Body, *, version: str, name: str = "gestures") -> Body:
        """Patch the status of a TrainingJob, only if it still has this version."""
        body = {"metadata": {"resourceVersion": version}, "status": patch}
        return self.api.request("PATCH", f"{self.jobs}/{name}/status", body)


@pytest.fixture
def namespace(api: apiserver.ApiServer) -> Iterator[Namespace]:
    """Return a namespace that ends with the test; its pods must be restricted."""
    found = Namespace(api, namespaces.make(api, "test"))
    yield found
    found.delete()
