"""What a job gets of the accelerators of a cluster, in the first pass over it."""

from __future__ import annotations

from typing import Any

from tests import builders, facts
from trainshed.accelerators import index, usage
from trainshed.api import status
from trainshed.core import decide, observed, plan, policy

BASE = "registry.example/cuda:1"
SETTINGS = facts.settings(variants={"cuda": {"pytorch": BASE}, "rocm": {"tensorflow": BASE}})


def decided(
    asked: Any, places_: index.Index, *, settings: policy.Policy = SETTINGS, **more: Any
) -> tuple[status.TrainingJobStatus, plan.Plan]:
    """Return the status and the plan of the first pass over a job."""
    job = builders.training_job().cnn().spec(accelerator=asked, **more)
    seen = observed.Observation(job=job.view(), places=places_, devices=usage.Usage(places_))
    wanted = decide.decide(seen, now=builders.T0 + 1, settings=settings)
    assert wanted.status is not None
    return status.TrainingJobStatus.model_validate(wanted.status), wanted


def refused(asked: Any, places_: index.Index, **more: Any) -> status.Condition:
    """Return the condition of a job that gets no accelerator; it waits for nodes."""
    found, wanted = decided(asked, places_, **more)
    placed = found.condition("Placed")
    assert placed is not None
    assert wanted.creates == ()
    assert wanted.waits_for_nodes
    assert wanted.requeue_after is not None
    return placed
