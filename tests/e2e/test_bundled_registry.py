"""The chart's own registry on a real node: who pushes, who pulls, and who may not.

Another installation of the one operator that the cluster has: run alone, as the restarts are.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hack import apiserver
from hack.cluster import programs, settings
from hack.cluster.host import node
from tests import git_server
from tests.e2e import conftest
from tests.e2e import test_git_sources as git_sources

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = "trainshed-system"
PORT, TOKENS = 30500, 30501
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments"
SECONDS = 120.0
Body = conftest.Body


@pytest.fixture(scope="module")
def helm() -> str:
    """Return helm, which the demo has built."""
    return str(programs.cached("helm", cache=settings.cache()))


@pytest.fixture(scope="module")
def address(info: Body) -> str:
    """Return the bundled registry as the node names it, which its containerd trusts."""
    if info["provider"] != "host":
        pytest.skip(f"the node of provider {info['provider']} is not this test's to set up")
    host = f"{info['registry']['pull'].partition(':')[0]}:{PORT}"
    node.trust_registry(settings.load(info["context"]), host=host)
    return host


@pytest.fixture(scope="module")
def bases(info: Body, helm: str, address: str, api: apiserver.ApiServer) -> Iterator[Body]:
    """Install the chart with its own registry; return the images that it had before."""
    place = ("--namespace", SYSTEM, "--kubeconfig", str(info["kubeconfig"]))
    told = _run(helm, "get", "values", "trainshed", *place, "--output", "json")
    before: Body = json.loads(told)
    old = before["registry"]
    bundled = {
        "enabled": True,
        "image": f"{info['registry']['pull']}/trainshed/registry:dev",
        "service": {"port": PORT, "tokensPort": TOKENS},
        "storage": {"size": ""},
        "gc": {"enabled": True},
    }
    wanted = {
        **before,
        "registry": {
            "pull": address,
            "bundled": bundled,
            "allowed": [*old.get("allowed", ()), info["registry"]["push"]],
        },
    }
    command = (helm, "upgrade", "trainshed", str(ROOT / "charts" / "trainshed"), *place)
    rest = ("--values", "-", "--wait", "--timeout", f"{SECONDS:.0f}s")
    _run(*command, *rest, text=json.dumps(wanted))
    # helm waits for the Deployment's pods alone: the new operator must lead as well.
    api.wait(DEPLOYMENTS, "trainshed-operator", _rolled, what="the operator", seconds=SECONDS)
    try:
        yield before
    finally:
        _run(*command, *rest, text=json.dumps(before))
        api.wait(DEPLOYMENTS, "trainshed-operator", _rolled, what="the operator", seconds=SECONDS)


def _rolled(deployment: Body) -> bool:
    status = deployment["status"]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and status.get(
        "updatedReplicas"
    ) == status.get("replicas") == status.get("readyReplicas")


def _run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def other(api: apiserver.ApiServer) -> Iterator[conftest.Namespace]:
    """Return a second namespace."""
    found = conftest.create_namespace(api)
    yield found
    found.delete()


def script(bases: Body, text: str, **extra: Any) -> Body:
    """Return the spec of an inline script on a small base."""
    image = {"base": bases["image"]["ref"], **extra.pop("image", {})}
    return {
        "framework": "custom",
        "image": image,
        "source": {"inline": {"files": {"train.py": text}}},
        **extra,
    }


def test_a_job_runs_an_image_that_only_its_namespace_may_pull(
    namespace: conftest.Namespace, other: conftest.Namespace, bases: Body, address: str
) -> None:
    namespace.apply("own", script(bases, "print('it runs')"))
    status = namespace.finished("own")
    assert status["phase"] == "Succeeded", status
    assert status["image"]["ref"].startswith(f"{address}/trainshed/ns/{namespace.name}@sha256:")

    # Never on the node: what the kubelet has pulled for one is not asked for again.
    nowhere = {"pod": {"nodeSelector": {"nowhere": "true"}}}
    namespace.apply("built", script(bases, "print('secret')", **nowhere))
    ready = namespace.until(
        "built", lambda found: found.get("image") is not None, what="an image", seconds=90
    )
    stolen = {"framework": "custom", "command": ["python3", "train.py"]}
    other.apply("thief", {**stolen, "image": {"ref": ready["image"]["ref"]}})
    message = other.told("thief", "Running", "ImagePullFailed", seconds=60)
    assert "secret" not in message
    other.apply("base-thief", script(bases, "print(1)", image={"base": ready["image"]["ref"]}))
    other.told("base-thief", "Failed", "BaseImageNotAllowed", seconds=30)


def test_a_build_pod_pushes_without_a_password(
    namespace: conftest.Namespace, bases: Body, info: Body, tmp_path: pathlib.Path, address: str
) -> None:
    host = str(info["registry"]["pull"].partition(":")[0])
    with git_server.serve(tmp_path / "served", host=host) as server:
        server.repository("code").commit({"train.py": "print('cloned')"})
        wanted = git_sources.job(f"{server.url}/code/.git")
        image = {"base": bases["image"]["ref"]}
        namespace.apply("cloned", {**wanted, "framework": "custom", "image": image})
        status = namespace.finished("cloned")

    assert status["phase"] == "Succeeded", status
    assert status["image"]["ref"].startswith(f"{address}/trainshed/ns/{namespace.name}@")
    (build,) = git_sources.builds(namespace)
    template = build["spec"]["template"]["spec"]
    assert {"name": "trainshed-registry"} in template["imagePullSecrets"]
    secrets = f"/api/v1/namespaces/{namespace.name}/secrets"
    assert namespace.api.get(f"{secrets}/trainshed-registry")["type"].endswith("dockerconfigjson")


def test_nobody_reads_without_a_token(bases: Body, address: str) -> None:

    with httpx.Client(trust_env=False, timeout=10) as http:
        for path in ("v2/", "v2/_catalog", "v2/trainshed/ns/any/tags/list"):
            answer = http.get(f"http://{address}/{path}")
            assert answer.status_code == 401
            realm = f'realm="http://{address.partition(":")[0]}:{TOKENS}/v1/registry/token"'
            assert realm in answer.headers["WWW-Authenticate"]
        asked = http.get(f"http://{address.partition(':')[0]}:{TOKENS}/v1/registry/token")
    assert asked.status_code == 401
