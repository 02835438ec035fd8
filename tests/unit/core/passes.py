"""Runs passes of the pure core: decide, and what the API server would store of it."""

from __future__ import annotations

import dataclasses
import json

from tests import builders, facts
from trainshed.api import status
from trainshed.core import decide, observed, plan, policy


def decided(
    seen: observed.Observation, *, now: float = 10.0, settings: policy.Policy | None = None
) -> plan.Plan:
    """Return the plan of a pass at `now` seconds after T0."""
    known = settings or facts.settings()
    return decide.decide(seen, now=builders.T0 + now, settings=known)


def stored(seen: observed.Observation, wanted: plan.Plan) -> observed.Observation:
    """Return the observation with the plan's status written."""
    if wanted.status is None:
        return seen
    text = json.dumps(wanted.status, allow_nan=False).encode()
    return dataclasses.replace(seen, job=dataclasses.replace(seen.job, status=text))


def seen_again(
    seen: observed.Observation, *, now: float = 10.0, settings: policy.Policy | None = None
) -> plan.Plan:
    """Return the second plan for the same observation, its first plan's status written."""
    first = decided(seen, now=now, settings=settings)
    return decided(stored(seen, first), now=now, settings=settings)


def read(wanted: plan.Plan) -> status.TrainingJobStatus:
    """Return the status that a plan writes."""
    assert wanted.status is not None, "the plan writes no status"
    return status.TrainingJobStatus.model_validate(wanted.status)


def condition(wanted: plan.Plan, type_: str) -> tuple[str, str, str]:
    """Return status, reason and message of a condition that a plan writes."""
    found = read(wanted).condition(type_)
    assert found is not None, f"no condition {type_}"
    return found.status, found.reason, found.message


def reasons(wanted: plan.Plan) -> dict[str, tuple[str, str]]:
    """Return status and reason of every condition that a plan writes, by type."""
    return {each.type: (each.status, each.reason) for each in read(wanted).conditions}
