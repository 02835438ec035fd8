"""`spec.resources`: what a replica's container asks for."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base

Count = Annotated[int, pydantic.Field(ge=1, le=1024)]
_NAME = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_EXTENDED = base.rule(
    f"self.all(name, name.matches('{_NAME}') && size(name) <= 317"
    " && !name.startsWith('kubernetes.io/') && !name.startsWith('requests.'))",
    "resources.devices names extended resources as device plugins do, such as rdma/hca",
)


class Resources(base.Model):
    """Amounts of one replica, as Kubernetes quantities."""

    cpu: base.Quantity | None = pydantic.Field(
        default=None,
        description="Cores that the scheduler sets aside; idle cores of the node may be used too.",
    )
    memory: base.Quantity | None = pydantic.Field(
        default=None, description="Memory that is set aside, and the limit."
    )
    devices: dict[str, Count] | None = pydantic.Field(
        default=None,
        description="Devices beside the accelerator, by their plugin's resource, such as"
        " {rdma/hca: 1}.",
        json_schema_extra={"maxProperties": 8, **base.rules(_EXTENDED)},
    )
    shared_memory: base.Quantity | None = pydantic.Field(
        default=None, description="Size of /dev/shm; counts against memory."
    )
