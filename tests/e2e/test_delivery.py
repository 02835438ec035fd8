"""Images for several platforms, and images that are mounted, on a real node."""

from __future__ import annotations

import pathlib
import platform

import httpx
import pytest

from hack.cluster import nodes as cluster_nodes
from hack.cluster import settings, waiting
from tests.cluster import referees
from tests.cluster import registry_rig as rigs
from tests.cluster import registry_server as servers
from tests.e2e import conftest
from tests.unit.registry import images

ARM64 = images.image({"usr/bin/python3": b"\x7fELF of arm64"}, platform="linux/arm64")
OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
BOTH = ["linux/amd64", "linux/arm64"]

needs_amd64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the base for arm64 is no real one: this node needs it"
)


@pytest.fixture
def registry(info: conftest.Body) -> servers.Server:
    """Return the cluster's registry, as this machine reaches it and as nodes name it."""
    return servers.Server(
        info["registry"]["pull"], info["registry"]["host"], pathlib.Path(), pathlib.Path()
    )


@pytest.fixture
def base(registry: servers.Server) -> str:
    """Return an index: PyTorch's base for this node, and one that is not to be run for arm64."""
    url = f"{registry.url}/v2/trainshed/pytorch/manifests/dev"
    headers = {"Accept": f"{OCI}, {DOCKER}"}
    answer = httpx.get(url, headers=headers, trust_env=False).raise_for_status()
    ours = images.Image(answer.headers["Content-Type"], answer.content, {})
    index = images.index({"linux/amd64": ours, "linux/arm64": ARM64})
    return rigs.push(registry, index, repository="trainshed/pytorch", tag="two-platforms")


@needs_amd64
def test_a_node_takes_its_own_image_of_an_index(
    namespace: conftest.Namespace, base: str, registry: servers.Server, tmp_path: pathlib.Path
) -> None:
    spec = conftest.cnn(epochs=1) | {"image": {"base": base, "platforms": BOTH}}
    namespace.apply("both", spec)

    status = namespace.finished("both")

    assert status["phase"] == "Succeeded", status.get("failure")
    ref = status["image"]["ref"].replace(registry.address, httpx.URL(registry.url).netloc.decode())
    index = referees.document("manifest", ref)
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    referees.crane("validate", "--fast", "--remote", ref)
    waiting.until("the list of contents", lambda: _unlisted(ref), seconds=30)
    (listed,) = referees.referrers(ref)
    document = referees.attached(ref, listed["digest"], tmp_path)
    assert document["metadata"]["component"]["version"] == ref.partition("@")[2]


def _unlisted(ref: str) -> str | None:
    return None if referees.referrers(ref) else "oras finds none"


@needs_amd64
def test_an_image_for_another_platform_waits_for_such_a_node(
    namespace: conftest.Namespace, base: str
) -> None:
    image = {"base": base, "platforms": ["linux/arm64"]}
    namespace.apply("arm", conftest.script("print(1)", image=image))

    message = namespace.told("arm", "Placed", "AffinityMismatch", seconds=60)

    assert "didn't match Pod's node affinity/selector" in message


def test_an_image_is_mounted_or_refused_at_once_with_what_speaks_against_it(
    namespace: conftest.Namespace,
) -> None:
    # Other tests make nodes without a machine, of which none mounts anything.
    there = {"nodeSelector": {"kubernetes.io/hostname": settings.NODE}}
    spec = conftest.cnn(epochs=1) | {"image": {"delivery": "volume"}, "pod": there}
    real = [
        each["status"]["nodeInfo"]
        for each in namespace.api.get(cluster_nodes.PATH)["items"]
        if cluster_nodes.FAKE_LABEL[0] not in each["metadata"]["labels"]
    ]
    namespace.apply("mounted", spec)
    status = namespace.finished("mounted")

    if status["phase"] == "Failed":
        failed = conftest.condition(status, "Failed")
        assert failed is not None
        assert failed["reason"] == "DeliveryUnsupported"
        assert namespace.api.get(namespace.workloads)["items"] == []
        assert any(each["containerRuntimeVersion"] in failed["message"] for each in real)
        pytest.skip(f"that it runs can't be shown on this cluster: {failed['message']}")
    assert status["image"]["volume"]
    assert status["image"]["ref"].partition("@")[0].endswith("/pytorch")
