"""`spec.failurePolicy`: what follows from failures."""

from __future__ import annotations

import pydantic

from trainshed.api import base

AVOID_AFTER = 2
"""Once may be chance."""


class FailurePolicy(base.Model):
    """What follows from failures."""

    avoid_nodes_after: int = pydantic.Field(
        default=AVOID_AFTER,
        ge=1,
        le=1000,
        description="A node that failed under jobs of this namespace so many times within the last"
        " day is left out for this one, while enough others are left. Jobs in a queue of Kueue"
        " leave none out.",
    )
