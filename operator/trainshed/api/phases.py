"""The phases of a TrainingJob: a summary for people; conditions carry the detail."""

from __future__ import annotations

import enum


class Phase(enum.StrEnum):
    """Where a job is, in the order in which a job usually goes through them."""

    PENDING = "Pending"
    BUILDING = "Building"
    QUEUED = "Queued"
    """Kueue holds the job until there is quota for it."""
    SUSPENDED = "Suspended"
    """Held until a person lets it go on."""
    STARTING = "Starting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self in (Phase.SUCCEEDED, Phase.FAILED)
