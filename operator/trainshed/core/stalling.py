"""What a job says of itself when its passes fail by a fault of the operator's own."""

from __future__ import annotations

import json
from typing import Any

from trainshed.api import phases, reasons
from trainshed.core import observed, times

Type = reasons.ConditionType


def message(error: Exception) -> str:
    """Return what is told of a fault: its kind alone, as its words may hold anything."""
    return (
        f"the operator fails at this job by a fault of its own ({type(error).__name__}), and tries"
        " again, at most five minutes apart; see reconcile_crashed in the operator's log, upgrade"
        " the operator, or report it"
    )


def conditions(
    job: observed.TrainingJobView, said: str, *, now: float
) -> list[dict[str, Any]] | None:
    """Return a job's conditions with this one; None where it is told, or the job has ended.

    They are taken as they are stored: what fails may be the reading of them.
    """
    stored = json.loads(job.status)
    if job.deleting or stored.get("phase") in (phases.Phase.SUCCEEDED, phases.Phase.FAILED):
        return None
    known = stored.get("conditions") or []
    others = [each for each in known if each.get("type") != Type.STALLED]
    old = next((each for each in known if each.get("type") == Type.STALLED), None)
    if old is not None and old.get("message") == said:
        return None
    return [
        *others,
        {
            "type": str(Type.STALLED),
            "status": "True",
            "reason": str(reasons.Reason.INTERNAL_ERROR),
            "message": said,
            "lastTransitionTime": old["lastTransitionTime"] if old else times.render(now),
            "observedGeneration": job.generation,
        },
    ]
