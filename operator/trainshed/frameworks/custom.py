"""Any other library: the user's own code, which nothing here knows."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.frameworks import base


def rendezvous(hosts: base.Hosts) -> Mapping[str, str]:
    """Return where the first replica is; ranks are in TRAINSHED_RANK and TRAINSHED_WORLD_SIZE."""
    return {"MASTER_ADDR": hosts[0], "MASTER_PORT": str(base.MASTER_PORT)}


FRAMEWORK = base.Framework((), rendezvous)
"""There are no built-in models."""
