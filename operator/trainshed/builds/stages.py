"""The pod of a Dockerfile's build: three containers, and what each of them may see.

1. `fetch`, ours: clones the code; it alone has the git Secret.
2. `engine`, the chart's: runs the Dockerfile; it has nothing but credentials to pull with.
3. `builder`, ours: pushes what was made, with the code on top; it alone has the push Secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.api import labels
from trainshed.builds import dockerfiles

UID = 1000
"""The user of both engines' images: theirs are the ids that it may map."""
PULL_SECRETS = "/etc/trainshed/pull"
_OF_FETCH = ("git", "oci", "claim")
"""Mounts that the last step has not."""
FETCH = "fetch"
"""The argument by which our program does the first step alone."""
_IMAGE: Mapping[str, Any] = {"name": "image", "mountPath": dockerfiles.IMAGE}
_ACCESS: Mapping[str, Any] = {"name": "access", "mountPath": dockerfiles.ACCESS}


def split(
    spec: Mapping[str, Any],
    *,
    asked: dockerfiles.Dockerfile,
    engine: dockerfiles.Engine,
    compression: str,
    platform: str,
    pull: Sequence[str],
    shared: str = "",
    artifact: bool = False,
) -> dict[str, Any]:
    """Return the spec of a build pod, made for one container, in three.

    `platform`: the steps run on a node of it. `pull`: Secrets with which the bases of the
    Dockerfile are read, and `shared` one that the operator may not have made yet. `artifact`:
    whether the code is in a registry, which may take the pod's token.
    """
    (builder,) = spec["containers"]
    secrets = {f"pull-{index}": name for index, name in enumerate((*pull, shared)) if name}
    system, _, architecture = platform.partition("/")
    users = {} if engine.host_users else {"hostUsers": False}
    return {
        **spec,
        **users,
        "nodeSelector": {"kubernetes.io/os": system, "kubernetes.io/arch": architecture},
        "initContainers": [
            _fetch(builder, secrets, artifact=artifact),
            _run(builder, asked, engine, compression),
        ],
        "containers": [_push(builder)],
        "volumes": [*spec["volumes"], *_volumes(secrets, shared, engine)],
    }


def _fetch(
    builder: Mapping[str, Any], secrets: Mapping[str, str], *, artifact: bool
) -> dict[str, Any]:
    """Return the first step: the code, and the Secrets by which its bases are read."""
    hidden = ("push", "index", "operator-token", *(() if artifact else ("registry-token",)))
    return {
        **builder,
        "name": labels.FETCHER,
        "args": [FETCH],
        "volumeMounts": [
            *(each for each in builder["volumeMounts"] if each["name"] not in hidden),
            *(_pull_mount(index, name) for index, name in enumerate(secrets)),
            dict(_ACCESS),
        ],
    }


def _run(
    builder: Mapping[str, Any],
    asked: dockerfiles.Dockerfile,
    engine: dockerfiles.Engine,
    compression: str,
) -> dict[str, Any]:
    """Return the second step: the Dockerfile's own commands."""
    mounts = {each["name"]: each for each in builder["volumeMounts"]}
    return _engine(asked, engine, compression) | {
        "volumeMounts": [
            mounts["work"] | {"readOnly": True},
            # Its own: what a step plants in ours, such as a pipe, the builder would open.
            mounts["tmp"] | {"name": "engine-tmp"},
            {**_ACCESS, "readOnly": True},
            dict(_IMAGE),
        ],
    }


def _push(builder: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last step: what was made, and the code on top."""
    kept = (each for each in builder["volumeMounts"] if each["name"] not in _OF_FETCH)
    return {**builder, "volumeMounts": [*kept, dict(_IMAGE)]}


def _volumes(
    secrets: Mapping[str, str], shared: str, engine: dockerfiles.Engine
) -> list[dict[str, Any]]:
    return [
        *(_secret(volume, name, name == shared) for volume, name in secrets.items()),
        {"name": "access", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "engine-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "image", "emptyDir": {"sizeLimit": engine.storage}},
    ]


def _engine(
    asked: dockerfiles.Dockerfile, engine: dockerfiles.Engine, compression: str
) -> dict[str, Any]:
    given = dockerfiles.environment(engine.kind, compression=compression)
    args = dockerfiles.arguments(engine.kind, asked, compression=compression)
    return {
        "name": labels.ENGINE,
        "image": engine.image,
        "command": dockerfiles.command(engine.kind),
        # The kubelet puts variables in place of $(NAME), and takes $$ for a plain $.
        "args": [each.replace("$", "$$") for each in args],
        "env": [{"name": name, "value": value} for name, value in given.items()],
        "workingDir": dockerfiles.IMAGE,
        "resources": dict(engine.resources),
        "securityContext": _privileges(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _privileges() -> dict[str, Any]:
    """Return the least by which a Dockerfile can be built: a user namespace needs it all.

    Its user may map the ids that its image names, by newuidmap's own capabilities, which
    `allowPrivilegeEscalation` lets it gain. The default seccomp profile forbids the namespace.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": UID,
        "allowPrivilegeEscalation": True,
        # On a read-only root buildah does not find the root that it has made for a step.
        "readOnlyRootFilesystem": False,
        "capabilities": {"drop": ["ALL"], "add": ["SETGID", "SETUID"]},
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }


def _pull_mount(index: int, volume: str) -> dict[str, Any]:
    return {"name": volume, "mountPath": f"{PULL_SECRETS}/{index}", "readOnly": True}


def _secret(volume: str, name: str, may_lack: bool) -> dict[str, Any]:
    given = {"secretName": name, "defaultMode": 0o440, **({"optional": True} if may_lack else {})}
    return {"name": volume, "secret": given}
