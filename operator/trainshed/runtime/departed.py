"""Pods that failed and are gone while their Job is there: it ends after them, and tells no cause.

A node that is drained or lost takes its pods with it before their Job has failed.
"""

from __future__ import annotations

from trainshed.core import observed

Uid = observed.Uid


class Departed:
    """The last that was seen of such pods, by the uid of their Job."""

    def __init__(self) -> None:
        """Begin empty."""
        self._of: dict[Uid, dict[Uid, observed.PodView]] = {}

    def keep(self, pod: observed.PodView) -> None:
        """Keep a pod that is gone, if it says of itself that it failed or was taken away."""
        target = pod.condition("DisruptionTarget")
        taken = target is not None and target.status == "True"
        if pod.owner_uid is not None and (pod.phase == "Failed" or taken):
            self._of.setdefault(pod.owner_uid, {})[pod.uid] = pod

    def of(self, job: observed.JobView | None) -> tuple[observed.PodView, ...]:
        """Return those of a Job."""
        return tuple(self._of.get(job.uid, {}).values()) if job is not None else ()

    def forget(self, job: Uid) -> None:
        """Forget those of a Job that is gone."""
        self._of.pop(job, None)
