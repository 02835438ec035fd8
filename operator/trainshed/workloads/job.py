"""The Job of one attempt, as a plain dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trainshed.accelerators import choices
from trainshed.api import labels, spec
from trainshed.frameworks import registry as frameworks
from trainshed.workloads import claims, commands, environment, neighbours, owning, pod, ranks

NO_QUEUE: Mapping[str, str] = MappingProxyType({})


def render(
    found: spec.TrainingJobSpec,
    *,
    job: owning.Owner,
    name: str,
    attempt: int,
    image: str,
    volume: str = "",
    progress_url: str,
    ca_pem: str,
    pull_secret: str = "",
    chosen: choices.Choice = choices.NONE,
    wishes: neighbours.Wishes = neighbours.DEFAULT,
    queue: Mapping[str, str] = NO_QUEUE,
) -> dict[str, Any]:
    """Return the Job. The same arguments give the same object.

    `volume`: an image that is mounted into `image`; empty for none. `chosen`: its accelerator.
    `wishes`: beside whom it would rather run.
    `queue`: the labels by which Kueue queues it; it is then created suspended, and Kueue alone
    lets it go.
    """
    namespace, training_job = job.key
    variables = environment.variables(
        found,
        namespace=namespace,
        name=training_job,
        workload=name,
        attempt=attempt,
        progress_url=progress_url,
        chosen=chosen,
    )
    command = commands.command(found, frameworks.FRAMEWORKS[found.framework].entry_point)
    template = pod.render(
        found,
        image=image,
        command=command,
        variables=variables,
        volume=volume,
        pull_secret=pull_secret,
        chosen=chosen,
    )
    claims.settle(template, found, name=name, chosen=chosen)
    neighbours.settle(template, found, training_job=training_job, chosen=chosen, wishes=wishes)
    if found.replicas > 1:
        template["subdomain"] = name
    documents = environment.documents(found, namespace=namespace, ca_pem=ca_pem)
    if chosen.resource:
        documents[labels.RESOURCE] = chosen.resource
    folds = ranks.folds(found)
    marks = {labels.FOLDS: str(folds.folds)} if folds is not None else {}
    metadata = owning.metadata(job, name=name, attempt=attempt)
    held = bool(queue.get(labels.QUEUE))
    metadata["labels"] |= {**marks, **(queue if held else {})}
    marks = {
        **owning.marks(training_job, attempt),
        **marks,
        **neighbours.marks(found, chosen, wishes),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            **({"suspend": True} if held else {}),
            "completionMode": "Indexed",
            "completions": folds.folds if folds else found.replicas,
            "parallelism": folds.parallelism if folds else found.replicas,
            # A process that fails takes the others with it: they can't go on without it, and
            # folds without one of them make no mean.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": _pod_metadata(found, marks, documents),
                "spec": template,
            },
        },
    }


def _pod_metadata(
    found: spec.TrainingJobSpec, marks: dict[str, str], documents: dict[str, str]
) -> dict[str, Any]:
    asked = found.pod
    chosen_labels = asked.labels if asked and asked.labels else {}
    chosen_annotations = asked.annotations if asked and asked.annotations else {}
    return {
        "labels": {**chosen_labels, **marks},
        "annotations": {**chosen_annotations, **documents},
    }
