"""No secret is where people read: in objects, logs and events, or in what lies in a registry."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import zstandard

from tests import namespaces

KINDS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
BASES = ("base", "pytorch", "tensorflow", "operator")
"""Images of the local cluster, none of whose layers a job has made."""
Body = dict[str, Any]
Found = Iterator[tuple[str, bytes]]
"""Where something stands, and what it is."""


def check(
    namespace: namespaces.Namespace,
    info: Body,
    *secrets: str,
    shown: str,
    logins: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Look for secrets in all that a namespace's jobs have left.

    `shown` is no secret, and stands in a log and in a layer: what is hidden there would be found
    too. `logins`: of registries beside the cluster's own, by their address.
    """
    registry = Registry(info, logins)
    places = [*_of_cluster(namespace), *_of_images(namespace, registry)]
    for kind in ("TrainingJobs", "Jobs", "log ", "layer "):
        assert any(where.startswith(kind) for where, _ in places), f"no {kind.strip()} was read"
    seen = {where.partition(" ")[0] for where, what in places if shown.encode() in what}
    assert {"log", "layer"} <= seen, f"{shown} is found in {sorted(seen)} only"
    hidden = {form for each in secrets for form in _forms(each)}
    told = [where for where, what in places if any(form in what for form in hidden)]
    assert not told, f"a secret stands in {told}"


def _forms(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    yield base64.b64encode(secret.encode())


def _of_cluster(namespace: namespaces.Namespace) -> Found:
    core = f"/api/v1/namespaces/{namespace.name}"
    listed = {
        "TrainingJobs": namespace.jobs,
        "Jobs": namespace.workloads,
        "Pods": namespace.pods,
        "Events": f"{core}/events",
        "ConfigMaps": f"{core}/configmaps",
    }
    for kind, path in listed.items():
        for each in namespace.api.get(path)["items"]:
            yield f"{kind} {each['metadata']['name']}", json.dumps(each).encode()
    for pod in namespace.api.get(namespace.pods)["items"]:
        name, spec = pod["metadata"]["name"], pod["spec"]
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            path = f"{namespace.pods}/{name}/log"
            answer = namespace.api.http.get(path, params={"container": container["name"]})
            yield f"log {name} {container['name']}", answer.content


def built(namespace: namespaces.Namespace) -> list[str]:
    """Return the images of a namespace's jobs, each once."""
    listed = namespace.api.get(namespace.jobs)["items"]
    images = [(each.get("status") or {}).get("image") or {} for each in listed]
    return sorted({each["ref"] for each in images if each.get("ref")})


def _of_images(namespace: namespaces.Namespace, registry: Registry) -> Found:
    for ref in built(namespace):
        yield from registry.contents(ref)


class Registry:
    """Reads what registries hold, by HTTP alone."""

    def __init__(self, info: Body, logins: Mapping[str, tuple[str, str]] | None = None) -> None:
        """`logins`: of registries beside the cluster's own, by their address."""
        self._address = str(info["registry"]["pull"])
        self._url = str(info["registry"]["host"])
        self._logins = logins or {}

    def contents(self, ref: str) -> Found:
        """Yield manifests, configs and unpacked layers of an image, and of what refers to it."""
        name, _, digest = ref.partition("@")
        base = self._base_layers()
        yield from self._below(name, digest, base)
        if self._get(name, f"manifests/{digest.replace(':', '-')}").is_success:
            yield from self._below(name, digest.replace(":", "-"), base)

    def own_layers(self, ref: str) -> list[Body]:
        """Return the descriptors of an image's layers that are not its base's."""
        name, _, digest = ref.partition("@")
        found = self._get(name, f"manifests/{digest}").raise_for_status().json()["layers"]
        base = self._base_layers()
        return [each for each in found if each["digest"] not in base]

    def _below(self, name: str, version: str, base: set[str]) -> Found:
        answer = self._get(name, f"manifests/{version}").raise_for_status()
        yield f"manifest {name} {version}", answer.content
        document = answer.json()
        for each in document.get("manifests", ()):
            yield from self._below(name, each["digest"], base)
        if "config" in document:
            digest = document["config"]["digest"]
            yield f"config {name} {digest}", self._blob(name, digest)
        for each in document.get("layers", ()):
            if each["digest"] not in base:
                data = self._blob(name, each["digest"])
                yield f"layer {name} {each['digest']}", _unpacked(data, each["mediaType"])

    def _base_layers(self) -> set[str]:
        names = (f"{self._address}/trainshed/{each}" for each in BASES)
        answers = [self._get(each, "manifests/dev").raise_for_status() for each in names]
        return {layer["digest"] for answer in answers for layer in answer.json()["layers"]}

    def _blob(self, name: str, digest: str) -> bytes:
        return self._get(name, f"blobs/{digest}").raise_for_status().content

    def _get(self, name: str, path: str) -> httpx.Response:
        host, _, repository = name.partition("/")
        url = self._url if host == self._address else f"http://{host}"
        return httpx.get(
            f"{url}/v2/{repository}/{path}",
            auth=self._logins.get(host),
            headers={"Accept": f"{KINDS}, */*"},
            trust_env=False,
            timeout=30,
        )


def _unpacked(data: bytes, media_type: str) -> bytes:
    """Return a layer's tar, in which names and contents of all files stand as they are."""
    if media_type.endswith("zstd"):
        with zstandard.ZstdDecompressor().stream_reader(
            io.BytesIO(data), read_across_frames=True
        ) as reader:
            return bytes(reader.read())
    return gzip.decompress(data) if media_type.endswith("gzip") else data
