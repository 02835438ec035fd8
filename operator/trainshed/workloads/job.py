"""The Job of one attempt, as a plain dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainshed.accelerators import choices
from trainshed.api import labels, spec
from trainshed.frameworks import registry as frameworks
from trainshed.workloads import claims, commands, environment, neighbours, owning, pod, ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a Job is made of beside the spec."""

    job: owning.Owner
    name: str
    number: int
    image: str
    volume: str = ""
    """An image that is mounted into `image`; empty for none."""
    progress_url: str
    ca_pem: str
    pull_secret: str = ""
    chosen: choices.Choice = choices.NONE
    wishes: neighbours.Wishes = neighbours.DEFAULT
    """Beside whom it would rather run."""
    queue: Mapping[str, str] = field(default_factory=dict)
    """The labels by which Kueue queues it; it is then created suspended, and Kueue alone lets it
    go."""

    @property
    def held(self) -> bool:
        """Return whether it waits in a queue."""
        return bool(self.queue.get(labels.QUEUE))


def render(found: spec.TrainingJobSpec, asked: Attempt) -> dict[str, Any]:
    """Return the Job. The same arguments give the same object."""
    folds = ranks.folds(found)
    marks = {labels.FOLDS: str(folds.folds)} if folds is not None else {}
    metadata = owning.metadata(asked.job, name=asked.name, attempt=asked.number)
    metadata["labels"] |= {**marks, **(asked.queue if asked.held else {})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            **({"suspend": True} if asked.held else {}),
            "completionMode": "Indexed",
            "completions": folds.folds if folds else found.replicas,
            "parallelism": folds.parallelism if folds else found.replicas,
            # A process that fails takes the others with it: they can't go on without it, and
            # folds without one of them make no mean.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": _pod_metadata(found, asked, marks),
                "spec": _pod(found, asked),
            },
        },
    }


def _pod(found: spec.TrainingJobSpec, asked: Attempt) -> dict[str, Any]:
    namespace, training_job = asked.job.key
    variables = environment.variables(
        found,
        namespace=namespace,
        name=training_job,
        workload=asked.name,
        attempt=asked.number,
        progress_url=asked.progress_url,
        chosen=asked.chosen,
    )
    template = pod.render(
        found,
        image=asked.image,
        command=commands.command(found, frameworks.FRAMEWORKS[found.framework].entry_point),
        variables=variables,
        volume=asked.volume,
        pull_secret=asked.pull_secret,
        chosen=asked.chosen,
    )
    claims.settle(template, found, name=asked.name, chosen=asked.chosen)
    neighbours.settle(
        template, found, training_job=training_job, chosen=asked.chosen, wishes=asked.wishes
    )
    if found.replicas > 1:
        template["subdomain"] = asked.name
    return template


def _pod_metadata(
    found: spec.TrainingJobSpec, asked: Attempt, marks: Mapping[str, str]
) -> dict[str, Any]:
    namespace, training_job = asked.job.key
    own = found.pod
    documents = environment.documents(found, namespace=namespace, ca_pem=asked.ca_pem)
    if asked.chosen.resource:
        documents[labels.RESOURCE] = asked.chosen.resource
    return {
        "labels": {
            **(own.labels if own and own.labels else {}),
            **owning.marks(training_job, asked.number),
            **marks,
            **neighbours.marks(found, asked.chosen, asked.wishes),
        },
        "annotations": {**(own.annotations if own and own.annotations else {}), **documents},
    }
