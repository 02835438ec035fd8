"""Whether a ResourceQuota keeps a Job from creating its pods, by the API server's words."""

from __future__ import annotations

import re

from trainshed.core import observed

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>[^,;\s]+)(?:, requested: (?P<asked>.*?), used: (?P<used>.*?)"
    r", limited: (?P<limit>[^;]*))?"
)
"""As the admission plugin words it, since the API has no code for it."""


def refused(warning: observed.Refusal | None) -> str | None:
    """Return which quota is used up, and what to do; None where none is."""
    found = _EXCEEDED.search(warning.message) if warning is not None else None
    if found is None:
        return None
    said = f"ResourceQuota {found['name']} of the namespace lets no more in"
    if found["asked"] is not None:
        said += f": a pod asks {found['asked']}, {found['used']} are used of {found['limit']}"
    return (
        f"{said.rstrip('. ')}; wait until others of the namespace have ended, ask for less in a new"
        " job, or have the quota raised"
    )
