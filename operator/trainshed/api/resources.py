"""`spec.resources`: what a replica's container asks for."""

from __future__ import annotations

import pydantic

from trainshed.api import base


class Resources(base.Model):
    """Amounts of one replica, as Kubernetes quantities."""

    cpu: base.Quantity | None = pydantic.Field(
        default=None,
        description="Cores that the scheduler sets aside; idle cores of the node may be used too.",
    )
    memory: base.Quantity | None = pydantic.Field(
        default=None, description="Memory that is set aside, and the limit."
    )
    shared_memory: base.Quantity | None = pydantic.Field(
        default=None, description="Size of /dev/shm; counts against memory."
    )
