"""Names of child objects: a function of the TrainingJob, so that nothing is made twice."""

from __future__ import annotations


def workload(training_job: str, attempt: int) -> str:
    """Return the name of the Job of one attempt."""
    return f"{training_job}-{attempt}"


def training_job(workload: str) -> str:
    """Return whose attempt a Job of this name would be; empty for nobody's."""
    name, _, attempt = workload.rpartition("-")
    return name if attempt.isdecimal() else ""
