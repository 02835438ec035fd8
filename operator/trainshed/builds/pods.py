"""The Job of a build pod, as a plain dictionary. It is no job's child: equal orders share it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.api import labels, security
from trainshed.builds import compilers, dockerfiles, orders, sdists, stages

UID = 65532
FILES = "/etc/trainshed/build"
GIT_SECRET = "/etc/trainshed/git"
OCI_SECRET = "/etc/trainshed/oci"
CLAIM = "/claim"
PUSH_SECRET = "/etc/trainshed/push"
INDEX_SECRET = "/etc/trainshed/index"
REGISTRY_TOKEN = "/etc/trainshed/registry"
OPERATOR_TOKEN = "/etc/trainshed/operator"
_TOKEN_SECONDS = 3600
WORK = "/work"
_KEPT_SECONDS = 300
"""An ended build is kept for its log, and for jobs that ask for the same a moment later."""
_MOST_ANNOTATIONS = 256 * 1024
"""The API server takes no more bytes of an object's annotations, names and values together."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names of a job's Secrets, by which its image is pushed, and the pod's own is pulled."""

    push: str = ""
    pull: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every build pod of this operator has."""

    image: str
    settings: str
    """The registry's settings, one JSON document."""
    ca_pem: str = ""
    """Of the registry; empty for the system's authorities."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    deadline: float = 900.0
    pull_secret: str = ""
    """Name of the Secret by which the namespace's pods pull from the bundled registry."""
    service_account: str = ""
    """Name of the pods' ServiceAccount in their namespace; empty for its default one."""
    tokens: bool = False
    """Whether the pod gets a token of its own for the bundled registry's token service."""
    engine: dockerfiles.Engine | None = None
    """What builds Dockerfiles; None where the settings name nothing."""
    packages_bytes: int = 8 << 30
    """That the packages of a job may have together, unpacked."""


def shared(order: orders.Order, secrets: Secrets) -> str:
    """Return what a build is shared by, 32 digits: the order, and the Secrets it is done with.

    A job with a Secret that is wrong must not have the others wait for its pod.
    """
    if secrets == Secrets():
        return order.hash()
    text = "\n".join((order.hash(), secrets.push, *secrets.pull))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def too_large(job: Mapping[str, Any]) -> bool:
    """Return whether a Job's order and settings are more than the API server takes."""
    documents = job["spec"]["template"]["metadata"]["annotations"]
    size = sum(len(name.encode()) + len(text.encode()) for name, text in documents.items())
    return size > _MOST_ANNOTATIONS


def render(
    order: orders.Order,
    *,
    namespace: str,
    given: Surroundings,
    secrets: Secrets = Secrets(),
) -> dict[str, Any]:
    """Return the Job; the API server gives it the end of its name."""
    marks = _marks(order, secrets)
    documents = {labels.ORDER: order.dump(), labels.SPEC: given.settings, labels.CA: given.ca_pem}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": f"build-{order.hash()[:12]}-",
            "namespace": namespace,
            "labels": marks,
        },
        "spec": {
            "activeDeadlineSeconds": int(given.deadline),
            "backoffLimit": 2,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _RULES},
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {
                "metadata": {"labels": marks, "annotations": documents},
                "spec": _staged(order, secrets, given),
            },
        },
    }


_RULES: Sequence[Mapping[str, Any]] = (
    # A pod that was taken away is no failure of the build: it is made anew, and counts nothing.
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    # Whatever the builder says by its exit code has been said: its message tells what.
    {
        "action": "FailJob",
        "onExitCodes": {"containerName": labels.BUILDER, "operator": "In", "values": [1, 2]},
    },
)


def _marks(order: orders.Order, secrets: Secrets) -> dict[str, str]:
    return {
        labels.APP_NAME: labels.MANAGER,
        labels.APP_COMPONENT: labels.BUILDER,
        labels.MANAGED_BY: labels.MANAGER,
        labels.COMPONENT: labels.BUILDER,
        labels.BUILD: shared(order, secrets),
    }


def _staged(order: orders.Order, secrets: Secrets, given: Surroundings) -> dict[str, Any]:
    spec = _pod(order, secrets, given)
    if order.compile:
        limit, artifact = order.max_bytes, order.oci is not None
        spec = compilers.split(spec, image=order.compile, limit=limit, artifact=artifact)
    if order.makes_wheels:
        most, on = given.packages_bytes, compilers.PLATFORM
        return sdists.split(spec, image=order.wheels_in, most=most, platform=on)
    if order.dockerfile is None:
        return spec
    assert given.engine is not None  # without one, nothing is begun
    return stages.split(
        spec,
        asked=order.dockerfile,
        engine=given.engine,
        compression=order.compression,
        platform=order.platforms[0],
        pull=secrets.pull,
        shared=given.pull_secret,
        artifact=order.oci is not None,
    )


def _pod(order: orders.Order, secrets: Secrets, given: Surroundings) -> dict[str, Any]:
    volumes, mounts = _storage(order, secrets, given)
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "imagePullSecrets": [{"name": each} for each in (*secrets.pull, given.pull_secret) if each],
        # What a cloud lets the account do needs no token of the API server.
        **({"serviceAccountName": given.service_account} if given.service_account else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security.pod(UID),
        "containers": [
            {
                "name": labels.BUILDER,
                "image": given.image,
                "resources": dict(given.resources),
                "securityContext": security.container(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def _storage(
    order: orders.Order, secrets: Secrets, given: Surroundings
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the volumes of the pod, and where its container has them."""
    mounts: list[dict[str, Any]] = [
        {"name": "files", "mountPath": FILES, "readOnly": True},
        {"name": "work", "mountPath": WORK},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "files", "downwardAPI": {"items": [_file(each) for each in _FILES]}},
        {"name": "work", "emptyDir": {"sizeLimit": str(_disk(order, given))}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    for name, secret, folder in (
        ("git", order.git.secret if order.git else "", GIT_SECRET),
        ("oci", order.oci.secret if order.oci else "", OCI_SECRET),
        ("push", secrets.push, PUSH_SECRET),
        ("index", order.requirements.secret if order.requirements else "", INDEX_SECRET),
    ):
        if secret:
            volumes.append({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
            mounts.append({"name": name, "mountPath": folder, "readOnly": True})
    if order.claim:
        # Read-only as a volume, and not as a mount alone: else the kubelet gives all to our group.
        found = {"claimName": order.claim.name, "readOnly": True}
        volumes.append({"name": "claim", "persistentVolumeClaim": found})
        mounts.append({"name": "claim", "mountPath": CLAIM, "readOnly": True})
    doors = [("operator-token", labels.BUILDS_AUDIENCE, OPERATOR_TOKEN)]
    if given.tokens:
        doors.append(("registry-token", labels.REGISTRY_AUDIENCE, REGISTRY_TOKEN))
    for name, audience, folder in doors:
        volumes.append(_token(name, audience))
        mounts.append({"name": name, "mountPath": folder, "readOnly": True})
    return volumes, mounts


def _token(name: str, audience: str) -> dict[str, Any]:
    """Return the volume with a token that is good for one service of the operator's alone."""
    asked = {"audience": audience, "expirationSeconds": _TOKEN_SECONDS, "path": "token"}
    projected = {"defaultMode": 0o440, "sources": [{"serviceAccountToken": asked}]}
    return {"name": name, "projected": projected}


def _disk(order: orders.Order, given: Surroundings) -> int:
    """Return the bytes that a build may take: code, and packages as files and as layers."""
    added = order.requirements is not None or order.compile
    # What was built is written anew, and then there as a file of its own too.
    times = 3 if order.makes_wheels else 2
    packages = times * given.packages_bytes * len(order.platforms) if added else 0
    return 4 * order.max_bytes + packages


_FILES = {"order.json": labels.ORDER, "settings.json": labels.SPEC, "ca.crt": labels.CA}


def _file(name: str) -> dict[str, Any]:
    path = f"metadata.annotations['{_FILES[name]}']"
    return {"path": name, "fieldRef": {"fieldPath": path}}
