"""The energy that a job's GPUs took, as their processes have told."""

from __future__ import annotations

import math

from trainshed.core import accounts, gangs, observed, progressing, reports


def spent(seen: observed.Observation, told: reports.Account) -> float | None:
    """Return the joules of all pods' GPUs; None where a pod has not told its own.

    `told`: the job's account, which is that of its pod where it has but one.
    """
    gang = gangs.of(seen)
    if gang.size == 1 and not gang.folds:
        return progressing.rounded(told.energy_joules, 1)
    each = (accounts.parse(pod.container.message) for pod in gang.pods)
    found = [one.energy_joules for one in each if one is not None and one.energy_joules is not None]
    # A part would be taken for all of it. Any code may claim any number, and no number is infinite.
    complete = 0 < gang.size == len(found) and math.isfinite(sum(found))
    return progressing.rounded(sum(found), 1) if complete else None
