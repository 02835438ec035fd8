"""Turns bodies of the API server into views: the only reader of their shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainshed.accelerators import amounts
from trainshed.api import labels
from trainshed.core import observed, times

Body = Mapping[str, Any]


def training_job(body: Body, *, now: float) -> observed.TrainingJobView:
    """Return the view of a TrainingJob."""
    meta = body["metadata"]
    created = times.parse(meta.get("creationTimestamp")) or now
    return observed.TrainingJobView(
        key=observed.JobKey(meta["namespace"], meta["name"]),
        uid=observed.Uid(meta["uid"]),
        resource_version=meta.get("resourceVersion", ""),
        generation=meta.get("generation", 0),
        created=created,
        # The server cuts to whole seconds: a job seen within two of them is a fresh one.
        first_seen=now if 0 <= now - created < 2 else created,
        deleting="deletionTimestamp" in meta,
        spec=json.dumps(body.get("spec") or {}, separators=(",", ":")).encode(),
        status=json.dumps(body.get("status") or {}, separators=(",", ":")).encode(),
        labels={
            name: value
            for name in (labels.QUEUE, labels.QUEUE_PRIORITY)
            if (value := _label(meta, name))
        },
    )


def job(body: Body) -> observed.JobView:
    """Return the view of one of our Jobs."""
    meta, status = body["metadata"], body.get("status") or {}
    queue = _label(meta, labels.QUEUE)
    return observed.JobView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=observed.Uid(meta["uid"]),
        owner_uid=_owner(meta),
        resource_version=meta.get("resourceVersion", ""),
        training_job=_label(meta, labels.JOB),
        attempt=_number(meta, labels.ATTEMPT),
        created=times.parse(meta.get("creationTimestamp")) or 0.0,
        deleting="deletionTimestamp" in meta,
        active=status.get("active", 0),
        terminating=status.get("terminating", 0),
        completed=times.parse(status.get("completionTime")),
        conditions=_conditions(status),
        completions=(body.get("spec") or {}).get("completions") or 1,
        image=_image(body),
        volume=_volume(body),
        parallelism=(body.get("spec") or {}).get("parallelism") or 1,
        folds=_number(meta, labels.FOLDS),
        build=_label(meta, labels.BUILD),
        suspended=bool((body.get("spec") or {}).get("suspend")),
        started=times.parse(status.get("startTime")),
        queue=queue,
        selector=_selector(body) if queue else (),
    )


def queue(body: Body) -> observed.QueueView:
    """Return the view of a Workload of Kueue."""
    meta = body["metadata"]
    owners = meta.get("ownerReferences") or ()
    job: Body = next((each for each in owners if each.get("kind") == "Job"), {})
    return observed.QueueView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=observed.Uid(meta["uid"]),
        resource_version=meta.get("resourceVersion", ""),
        job=job.get("name", ""),
        job_uid=observed.Uid(job["uid"]) if job else None,
        active=(body.get("spec") or {}).get("active") is not False,
        conditions=_conditions(body.get("status") or {}) if job else (),
    )


def child(body: Body) -> observed.ChildView:
    """Return the view of any object that may be a child of ours."""
    meta = body["metadata"]
    return observed.ChildView(
        owner_uid=_owner(meta),
        training_job=_label(meta, labels.JOB),
        deleting="deletionTimestamp" in meta,
    )


def pod(body: Body) -> observed.PodView:
    """Return the view of one of our pods."""
    meta, status = body["metadata"], body.get("status") or {}
    index = _index(meta)
    return observed.PodView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=observed.Uid(meta["uid"]),
        owner_uid=_owner(meta),
        resource_version=meta.get("resourceVersion", ""),
        training_job=_label(meta, labels.JOB),
        attempt=_number(meta, labels.ATTEMPT),
        created=times.parse(meta.get("creationTimestamp")) or 0.0,
        deleting="deletionTimestamp" in meta,
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        node=(body.get("spec") or {}).get("nodeName", ""),
        container=_container(status),
        conditions=_conditions(status),
        index=index,
        fold=index if _number(meta, labels.FOLDS) else None,
        build=_label(meta, labels.BUILD),
        **_devices(body),
    )


def _devices(body: Body) -> dict[str, Any]:
    """Return the devices of its accelerator that the training container asks for, if it does."""
    name = (body["metadata"].get("annotations") or {}).get(labels.RESOURCE, "")
    containers = (body.get("spec") or {}).get("containers") or ()
    trainer = (each for each in containers if each.get("name") == labels.TRAINER)
    asked: Body = next((each.get("resources") or {} for each in trainer), {})
    limits = asked.get("limits") or {}
    return {"resource": name, "devices": amounts.of(str(limits[name]))} if name in limits else {}


def _selector(body: Body) -> tuple[tuple[str, str], ...]:
    template = (body.get("spec") or {}).get("template") or {}
    return tuple(sorted(((template.get("spec") or {}).get("nodeSelector") or {}).items()))


def _image(body: Body) -> str:
    template = (body.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    trainer = (each for each in containers if each.get("name") == labels.TRAINER)
    return next((str(each.get("image", "")) for each in trainer), "")


def _volume(body: Body) -> str:
    template = (body.get("spec") or {}).get("template") or {}
    volumes = (template.get("spec") or {}).get("volumes") or ()
    own = (each for each in volumes if each.get("name") == labels.IMAGE_VOLUME)
    return next((str((each.get("image") or {}).get("reference", "")) for each in own), "")


def _owner(meta: Body) -> observed.Uid | None:
    owners = meta.get("ownerReferences") or ()
    controller = next((each for each in owners if each.get("controller")), None)
    return observed.Uid(controller["uid"]) if controller else None


def _label(meta: Body, name: str) -> str:
    return str((meta.get("labels") or {}).get(name, ""))


def _number(meta: Body, label: str) -> int:
    text = _label(meta, label)
    return int(text) if text.isdecimal() else 0


def _index(meta: Body) -> int:
    text = str((meta.get("annotations") or {}).get(labels.COMPLETION_INDEX, ""))
    return int(text) if text.isdecimal() else 0


def _conditions(status: Body) -> tuple[observed.ConditionView, ...]:
    return tuple(
        observed.ConditionView(
            type=each.get("type", ""),
            status=each.get("status", ""),
            reason=each.get("reason", ""),
            message=each.get("message", ""),
            changed=times.parse(each.get("lastTransitionTime")),
        )
        for each in status.get("conditions") or ()
    )


_STRANGE = (labels.ENGINE, labels.COMPILER, labels.WHEELS)
"""They run what others wrote: an image that is not ours, or code of a job or of packages."""
_BEFORE = (labels.FETCHER, *_STRANGE)


def _held_up(status: Body) -> Body | None:
    """Return the container of ours that the last one waits for; None where it waits for none.

    Others may be put before it by the cluster, and are none of our business.
    """
    for each in status.get("initContainerStatuses") or ():
        if each.get("name") in _BEFORE:
            ended = (each.get("state") or {}).get("terminated")
            if ended is None or ended.get("exitCode") != 0:
                return dict(each)
    return None


def _container(status: Body) -> observed.ContainerView:
    found = _held_up(status) or next(
        (
            each
            for each in status.get("containerStatuses") or ()
            if each.get("name") in (labels.TRAINER, labels.BUILDER)
        ),
        None,
    )
    if found is None:
        return observed.ContainerView()
    state = found.get("state") or {}
    waiting, running = state.get("waiting") or {}, state.get("running") or {}
    ended = state.get("terminated") or {}
    return observed.ContainerView(
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        started=times.parse(running.get("startedAt") or ended.get("startedAt")),
        finished=times.parse(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        reason=ended.get("reason", ""),
        message=ended.get("message", ""),
        strange=found.get("name") in _STRANGE,
    )
