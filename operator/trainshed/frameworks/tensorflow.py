"""TensorFlow: how its built-in models are started, and TF_CONFIG."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.frameworks import base

PORT = 2222


def rendezvous(hosts: base.Hosts) -> Mapping[str, str]:
    """Return TF_CONFIG of a cluster of workers, the first of which is the chief."""
    workers = ",".join(f'"{each}:{PORT}"' for each in hosts)
    task = f'{{"type":"worker","index":{base.RANK}}}'
    return {"TF_CONFIG": f'{{"cluster":{{"worker":[{workers}]}},"task":{task}}}'}


FRAMEWORK = base.Framework(("python3", "-m", "trainshed_trainer.train"), rendezvous)
"""The entry point trains the built-in model that TRAINSHED_SPEC_FILE describes."""
