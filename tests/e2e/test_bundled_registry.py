"""The chart's own registry on a real node: who pushes, who pulls, and who may not.

Another installation of the one operator that the cluster has: run alone, as the restarts are.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hack import apiserver
from hack.cluster import programs, settings
from hack.cluster.host import node
from tests import git_server
from tests.e2e import conftest, volumes
from tests.e2e import test_git_sources as git_sources
from trainshed.core import healing, observe

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = "trainshed-system"
PORT, TOKENS = 30500, 30501
CLAIM = "e2e-registry"
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
def store(info: Body, address: str, api: apiserver.ApiServer) -> Iterator[pathlib.Path]:
    """Return the folder of this machine in which the registry keeps what it has."""
    system = conftest.Namespace(api, SYSTEM)
    with volumes.claim(system, info, CLAIM) as folder:
        yield folder
        claim = f"/api/v1/namespaces/{SYSTEM}/persistentvolumeclaims/{CLAIM}"
        api.delete(claim)


@pytest.fixture(scope="module")
def bases(
    info: Body, helm: str, address: str, api: apiserver.ApiServer, store: pathlib.Path
) -> Iterator[Body]:
    """Install the chart with its own registry; return the images that it had before."""
    place = ("--namespace", SYSTEM, "--kubeconfig", str(info["kubeconfig"]))
    told = _run(helm, "get", "values", "trainshed", *place, "--output", "json")
    before: Body = json.loads(told)
    old = before["registry"]
    bundled = {
        "enabled": True,
        "image": f"{info['registry']['pull']}/trainshed/registry:dev",
        "service": {"port": PORT, "tokensPort": TOKENS},
        "storage": {"claimName": CLAIM},
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
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    # Of a Deployment that is recreated, all of them are missing for a while.
    counts = [status.get(each) for each in ("updatedReplicas", "replicas", "readyReplicas")]
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return seen and counts == [wanted] * 3


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


def test_a_restart_frees_what_was_let_go_and_keeps_the_rest(
    namespace: conftest.Namespace, bases: Body, api: apiserver.ApiServer, store: pathlib.Path
) -> None:
    nowhere = {"pod": {"nodeSelector": {"nowhere": "true"}}}
    digests = {}
    for name in ("kept", "gone"):
        namespace.apply(name, script(bases, f"print({name!r})", **nowhere))
        status = namespace.until(
            name, lambda found: found.get("image") is not None, what="an image", seconds=90
        )
        digests[name] = status["image"]["ref"].partition("@sha256:")[2]
    held = store / "docker/registry/v2"
    blobs = {name: held / "blobs/sha256" / each[:2] / each for name, each in digests.items()}
    assert all(each.exists() for each in blobs.values())
    # As a DELETE by the operator leaves it.
    revisions = held / f"repositories/trainshed/ns/{namespace.name}/_manifests/revisions/sha256"
    shutil.rmtree(revisions / digests["gone"])

    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": namespace.name}}}
    body = {"spec": {"template": template}}
    api.request("PATCH", f"{DEPLOYMENTS}/trainshed-registry", body)
    api.wait(DEPLOYMENTS, "trainshed-registry", _rolled, what="the registry", seconds=SECONDS)

    assert not blobs["gone"].exists()
    assert blobs["kept"].exists()
    ref = namespace.api.get(f"{namespace.jobs}/kept")["status"]["image"]["ref"]
    ready = {"framework": "custom", "command": ["python3", "/app/train.py"]}
    namespace.apply("later", {**ready, "image": {"ref": ref}})
    assert namespace.finished("later")["phase"] == "Succeeded"


def test_a_secret_that_is_gone_is_seen_by_the_node_and_written_for_the_next_job(
    namespace: conftest.Namespace, bases: Body, api: apiserver.ApiServer
) -> None:
    namespace.apply("first", script(bases, "print('first')"))
    assert namespace.finished("first")["phase"] == "Succeeded"
    api.delete(f"/api/v1/namespaces/{namespace.name}/secrets/trainshed-registry")

    namespace.apply("second", script(bases, "print('second')"))
    namespace.told("second", "Running", "ImagePullFailed", seconds=60)
    pods = api.get(apiserver.PODS.format(namespace=namespace.name))["items"]
    seen = [observe.pod(each) for each in pods]
    assert [each.training_job for each in seen if healing.lacks_rights(each)] == ["second"]

    # As when a namespace goes: it may be there again a moment later, without its Secret.
    for name in ("first", "second"):
        api.delete(f"{namespace.jobs}/{name}")
        api.wait_gone(namespace.jobs, name, what="the job to go", seconds=60)
    namespace.apply("third", script(bases, "print('third')"))
    assert namespace.finished("third")["phase"] == "Succeeded"


def test_nobody_reads_without_a_token(bases: Body, address: str) -> None:

    with httpx.Client(trust_env=False, timeout=10) as http:
        for path in ("v2/", "v2/_catalog", "v2/trainshed/ns/any/tags/list"):
            answer = http.get(f"http://{address}/{path}")
            assert answer.status_code == 401
            realm = f'realm="http://{address.partition(":")[0]}:{TOKENS}/v1/registry/token"'
            assert realm in answer.headers["WWW-Authenticate"]
        asked = http.get(f"http://{address.partition(':')[0]}:{TOKENS}/v1/registry/token")
    assert asked.status_code == 401
