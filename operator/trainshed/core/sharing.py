"""Which builds in pods answer a job: what was begun for another one may be too old for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainshed.core import observed, podbuilds

BRANCH_SECONDS = 3.0
"""A branch is looked up for each job, but once for jobs that are created within so long."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a job asks of a build that it did not begin."""

    begun: float = 0.0
    """The build was begun at this moment or later."""
    ended: float | None = None
    """It goes on, or has ended at this moment or later: what it gave before may be lost since."""

    def met(self, build: observed.JobView) -> bool:
        """Return whether a build, as its Job tells of it, is fresh enough.

        The API server cuts its moments to whole seconds.
        """
        if build.created < int(self.begun):
            return False
        end = podbuilds.end(build)
        return end is None or self.ended is None or (end.changed or 0.0) >= int(self.ended)


def need(job: observed.TrainingJobView, *, since: float | None, forced: float | None) -> Need:
    """Return what a job asks; `since`: a build of this moment will do, None for its own creation.

    `forced`: when its image was missed.
    """
    if forced is not None:
        return Need(ended=forced)
    return Need(begun=job.created - BRANCH_SECONDS if since is None else since)


def newest(builds: Iterable[observed.JobView]) -> observed.JobView | None:
    """Return the build that was begun last."""
    return max(builds, key=lambda each: each.created, default=None)
