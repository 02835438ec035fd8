"""`spec.replicas` and `spec.processesPerReplica`: how many processes train together."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base

MAX_REPLICAS = 256
AUTO = "auto"

Processes = Annotated[
    str,
    pydantic.Field(
        pattern=r"^(auto|[1-9]|[1-5][0-9]|6[0-4])$",
        max_length=4,
        json_schema_extra={"x-int-or-string": True, "minimum": 1, "maximum": 64},
    ),
]

_DEVICES = (
    "(has(self.accelerator) && !(self.accelerator.type in ['cpu', 'fpga'])"
    " ? self.accelerator.count : 1)"
)
PROCESSES = (
    f"(string(self.processesPerReplica) == 'auto' ? {_DEVICES} : int(self.processesPerReplica))"
)
"""The processes of a replica in CEL."""
LAUNCHED = base.rule(
    "!has(self.command) || string(self.processesPerReplica) in ['auto', '1']",
    "command is started once in each pod: remove processesPerReplica, or use source, whose"
    " processes the launcher starts",
)
EVEN_BATCH = base.rule(
    "!has(self.model) || (has(self.training) ? self.training.batchSize : 64)"
    f" % (self.replicas * {PROCESSES}) == 0",
    "training.batchSize is of the whole job: make it a multiple of replicas x processesPerReplica",
)


def processes(asked: str, *, auto: int) -> int:
    """Return the processes of a replica. `auto`: one for each GPU that it has."""
    return auto if asked == AUTO else int(asked)
