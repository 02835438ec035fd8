"""How many epochs the demo's job has: enough for a figure that says something, on any machine."""

from __future__ import annotations

import copy
import math
from typing import Any

from hack.demo import verdict

Body = dict[str, Any]

AIM_SECONDS = 20.0
"""Above what the verdict asks for: no two runs are equally fast."""
_MOST_EPOCHS = 100_000


def fitted(job: Body, earlier: Body | None) -> Body:
    """Return a copy of the job, with more epochs where an earlier run of it was too fast."""
    fitting = copy.deepcopy(job)
    result = ((earlier or {}).get("status") or {}).get("result") or {}
    if result.get("seconds") and result.get("epochs"):
        needed = math.ceil(AIM_SECONDS * result["epochs"] / result["seconds"])
        training = fitting["spec"]["training"]
        training["epochs"] = max(training["epochs"], min(needed, _MOST_EPOCHS))
    return fitting


def short(job: Body) -> bool:
    """Tell whether a job succeeded, but too fast for its figure to say something."""
    status = job["status"]
    return status["phase"] == "Succeeded" and verdict.trained(status) < verdict.TRAINED_SECONDS
