"""The installed operator on the local cluster. `make test-e2e` brings both up first."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hack import apiserver
from tests import namespaces
from tests.e2e import judges as judging

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


@pytest.fixture(scope="session", autouse=True)
def operator_lives(api: apiserver.ApiServer) -> Iterator[None]:
    """Whatever the tests do, no operator's container ends, but those of pods that a test ends."""
    before = _restarts(api)
    yield
    after = _restarts(api)
    crashed = {each for each in before.keys() & after.keys() if after[each] > before[each]}
    assert not crashed, f"the operator's container was restarted in {', '.join(crashed)}"


def _restarts(api: apiserver.ApiServer) -> dict[str, int]:
    """Return the number of restarts of each of the operator's pods."""
    chosen = {"labelSelector": "app.kubernetes.io/component=operator"}
    found = api.get(apiserver.PODS.format(namespace="trainshed-system"), **chosen)["items"]
    return {
        each["metadata"]["name"]: sum(
            container["restartCount"] for container in each["status"].get("containerStatuses", ())
        )
        for each in found
    }


class Namespace(namespaces.Namespace):
    """A namespace of one test, in which the installed operator works."""

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
    found = Namespace(api, namespaces.make(api, "e2e"))
    account = f"{namespaces.PATH}/{found.name}/serviceaccounts"
    api.wait(account, "default", lambda _: True, what="the default service account", seconds=30)
    return found


@pytest.fixture
def namespace(api: apiserver.ApiServer) -> Iterator[Namespace]:
    """Return a namespace that ends with the test."""
    found = create_namespace(api)
    yield found
    found.delete()


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


@pytest.fixture(scope="session")
def judges(info: Body, tmp_path_factory: pytest.TempPathFactory) -> Iterator[judging.Judges]:
    """Return who reads what is built, independently of what builds it."""
    folder = tmp_path_factory.mktemp("judged")
    yield judging.Judges(folder, info)
    # Whole base images lie there, which nobody looks at once they were judged.
    shutil.rmtree(folder)


@pytest.fixture
def judged(namespace: Namespace, judges: judging.Judges) -> Iterator[None]:
    """Have the images of a test's jobs judged at its end."""
    yield
    judges.judge(namespace)
