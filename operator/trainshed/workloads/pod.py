"""The trainer's pod: restricted by default, shaped by `spec.pod`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.accelerators import choices, cpu
from trainshed.api import image as image_api
from trainshed.api import labels, resources, security, spec
from trainshed.api import pod as pod_api
from trainshed.workloads import environment, mounting, nodes, storage

UID = 1000
TOKEN_SECONDS = 3600


def render(
    found: spec.TrainingJobSpec,
    *,
    image: str,
    command: Sequence[str],
    variables: Sequence[Mapping[str, Any]],
    volume: str = "",
    pull_secret: str = "",
    chosen: choices.Choice = choices.NONE,
) -> dict[str, Any]:
    """Return the pod's spec. `volume`: an image that is mounted; empty for none.

    `pull_secret`: the bundled registry's, beside the job's own. `chosen`: its accelerator.
    """
    asked = found.pod or pod_api.Pod()
    out: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": asked.termination_grace_period_seconds or 30,
        "securityContext": security.pod(UID, group=asked.fs_group),
        "containers": [_container(found, asked, image, command, variables, chosen)],
        "volumes": [
            *_own_volumes(found, chosen),
            *mounting.volumes(volume),
            *storage.volumes(found),
            *(each.dump() for each in asked.volumes or ()),
        ],
    }
    if volume:
        mounting.mount(out["containers"][0])
    named = [each.name for each in (found.image and found.image.pull_secrets) or ()]
    if secrets := [*named, *([pull_secret] if pull_secret else [])]:
        out["imagePullSecrets"] = [{"name": each} for each in secrets]
    chosen_names = {
        "serviceAccountName": asked.service_account_name,
        "priorityClassName": found.priority_class_name,
    }
    return {
        **out,
        **chosen.pod(),
        **placement(found, chosen),
        **{field: name for field, name in chosen_names.items() if name},
    }


def placement(found: spec.TrainingJobSpec, chosen: choices.Choice = choices.NONE) -> dict[str, Any]:
    """Return where the pod may run: what is asked, and the nodes of its accelerator."""
    asked = found.pod or pod_api.Pod()
    fields = asked.dump()
    fields["nodeSelector"] = {**fields.get("nodeSelector", {}), **chosen.labels}
    own = fields.get("tolerations", [])
    fields["tolerations"] = [*own, *(each for each in chosen.tolerations() if each not in own)]
    # What a ready image is for, the operator does not know.
    ready = found.image is not None and found.image.ref is not None
    platforms = () if ready else image_api.platforms(found.image)
    fields["affinity"] = nodes.fitting(
        asked.affinity, platforms, chosen.alternatives, chosen.excluded, chosen.avoided
    )
    names = ("nodeSelector", "tolerations", "affinity")
    return {name: fields[name] for name in names if fields.get(name)}


def _container(
    found: spec.TrainingJobSpec,
    asked: pod_api.Pod,
    image: str,
    command: Sequence[str],
    variables: Sequence[Mapping[str, Any]],
    chosen: choices.Choice,
) -> dict[str, Any]:
    mounts = [
        *_own_mounts(found, chosen),
        *storage.mounts(found),
        *(each.dump() for each in asked.volume_mounts or ()),
    ]
    named = {each.name for each in asked.env or ()}
    own = (each for each in variables if each["name"] not in named)
    out: dict[str, Any] = {
        "name": labels.TRAINER,
        "image": image,
        "command": list(command),
        "env": [*own, *(each.dump() for each in asked.env or ())],
        "ports": [{"name": "metrics", "containerPort": labels.METRICS_PORT}],
        "resources": chosen.resources(
            cpu.resource_requirements(found.resources or resources.Resources())
        ),
        "securityContext": security.container(),
        # The launcher's last words are the account; a container without it leaves its log's end.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    sources = [*storage.credentials(found), *(each.dump() for each in asked.env_from or ())]
    if sources:
        out["envFrom"] = sources
    return out


def _own_volumes(found: spec.TrainingJobSpec, chosen: choices.Choice) -> list[dict[str, Any]]:
    token = {
        "audience": labels.PROGRESS_AUDIENCE,
        "expirationSeconds": TOKEN_SECONDS,
        "path": "token",
    }
    out: list[dict[str, Any]] = [
        {"name": "trainshed-files", "downwardAPI": {"items": environment.files(found)}},
        {"name": "trainshed-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        {"name": "trainshed-tmp", "emptyDir": {}},
    ]
    if _shares_memory(found, chosen):
        shared = found.resources.shared_memory if found.resources else None
        limit = {"sizeLimit": shared} if shared is not None else {}
        out.append({"name": "trainshed-shm", "emptyDir": {"medium": "Memory", **limit}})
    return out


def _shares_memory(found: spec.TrainingJobSpec, chosen: choices.Choice) -> bool:
    """Return whether /dev/shm is to be larger than a container's 64 MiB.

    Processes of several GPUs exchange gradients by it; what they put there counts as the
    container's memory, with its limit.
    """
    asked = found.resources is not None and found.resources.shared_memory is not None
    return asked or chosen.processes > 1


def _own_mounts(found: spec.TrainingJobSpec, chosen: choices.Choice) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = [
        {"name": "trainshed-files", "mountPath": environment.FILES, "readOnly": True},
        {"name": "trainshed-token", "mountPath": environment.TOKEN_FOLDER, "readOnly": True},
        {"name": "trainshed-tmp", "mountPath": "/tmp"},
    ]
    if _shares_memory(found, chosen):
        out.append({"name": "trainshed-shm", "mountPath": "/dev/shm"})
    return out
