"""The child objects of an attempt, and what keeps them from being created."""

from __future__ import annotations

from dataclasses import replace

from trainshed.accelerators import choices
from trainshed.api import reasons, spec, status
from trainshed.core import naming, observed, plan, policy
from trainshed.workloads import claims, podgroups
from trainshed.workloads import job as workload_job
from trainshed.workloads import service as workload_service

Reason = reasons.Reason


def children(
    found: spec.TrainingJobSpec,
    job: observed.TrainingJobView,
    *,
    attempt: int,
    image: status.ImageStatus,
    settings: policy.Policy,
    chosen: choices.Choice = choices.NONE,
) -> tuple[plan.Manifest, ...]:
    """Return what is to be created, in order: pods need what is beside their Job."""
    name = naming.workload(job.key.name, attempt)
    asked = workload_job.Attempt(
        job=job,
        name=name,
        number=attempt,
        image=image.ref,
        volume=image.volume or "",
        progress_url=settings.progress_url,
        ca_pem=settings.ca_pem,
        pull_secret=settings.pull_secret,
        chosen=replace(chosen, avoids=settings.avoids),
        wishes=settings.wishes,
        queue=job.labels,
    )
    rendered = workload_job.render(found, asked)
    beside = []
    if found.replicas > 1:
        beside.append(workload_service.render(job=job, name=name, attempt=attempt))
    if claims.made(found, chosen):
        beside.append(claims.render(job=job, name=name, attempt=attempt, chosen=chosen))
    placer, size = settings.placer, found.replicas
    if placer is not None and podgroups.needed(found):
        beside.append(
            podgroups.render(job=job, name=name, attempt=attempt, size=size, placer=placer)
        )
        podgroups.settle(rendered, name=name, placer=placer)
    return (*beside, rendered)


def blocked(seen: observed.Observation) -> observed.Refusal | None:
    """Return who holds the children's name, or why the API server refuses them."""
    if seen.rejection is not None and seen.holder is None:
        return seen.rejection
    if seen.holder is None:
        return None
    retry_at = seen.rejection.retry_at if seen.rejection else 0.0
    kind, name = seen.holder.kind, seen.holder.name
    if seen.holder.predecessor:
        return observed.Refusal(
            reason=Reason.WAITING_FOR_OLD_WORKLOAD,
            message=f"{kind} {name} of an earlier TrainingJob of this name is still going: "
            "this one starts when it is gone; delete it to start at once",
            terminal=False,
            retry_at=retry_at,
        )
    return observed.Refusal(
        reason=Reason.NAME_TAKEN,
        message=f"{kind} {name} exists and is not this job's: delete it, or choose another name",
        terminal=False,
        retry_at=retry_at,
    )
