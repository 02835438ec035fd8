"""PyTorch: how its built-in models are started, and torchrun's variables."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.frameworks import base


def rendezvous(hosts: base.Hosts) -> Mapping[str, str]:
    """Return the variables of `init_process_group`, and those that torchrun reads (PET_*)."""
    size, first, port = str(len(hosts)), hosts[0], str(base.MASTER_PORT)
    return {
        "RANK": base.RANK,
        "WORLD_SIZE": size,
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": first,
        "MASTER_PORT": port,
        "PET_NNODES": size,
        "PET_NODE_RANK": base.RANK,
        "PET_NPROC_PER_NODE": "1",
        "PET_MASTER_ADDR": first,
        "PET_MASTER_PORT": port,
    }


FRAMEWORK = base.Framework(("python3", "-m", "trainshed_trainer.train"), rendezvous)
"""The entry point trains the built-in model that TRAINSHED_SPEC_FILE describes."""
