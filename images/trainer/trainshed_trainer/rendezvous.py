"""Which processes a pod starts, and by which variables they find those of the other pods.

The variables are torchrun's and TensorFlow's, so that a script that knows those runs unchanged.
They are set only where there are several processes: one alone is as it is on a laptop.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MASTER_PORT = 29500
TENSORFLOW_PORT = 2222
"""Of the first process of a pod; the next has the next one."""
LOOPBACK = "127.0.0.1"
CHIEFS = ("chief", "master")
"""Roles of the one worker that comes before those that are called so."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a job. `hosts`: the names of all pods, in order of their index."""

    index: int = 0
    hosts: tuple[str, ...] = (LOOPBACK,)
    processes: int = 1

    @property
    def world(self) -> int:
        """Return how many processes the job has."""
        return len(self.hosts) * self.processes

    def rank(self, local: int) -> int:
        """Return the rank of one of this pod's processes."""
        return self.index * self.processes + local


def read(environment: Mapping[str, str] = os.environ) -> Pod:
    """Return the pod by the operator's variables, else by TF_CONFIG, such as a TFJob sets it."""
    hosts = tuple(each for each in environment.get("TRAINSHED_HOSTS", "").split(",") if each)
    if not hosts and (found := _of_tensorflow(environment.get("TF_CONFIG", ""))) is not None:
        return found
    # The index of a pod that is alone counts something else, such as the folds of a test.
    alone = len(hosts) < 2
    return Pod(
        index=0 if alone else _number(environment, "JOB_COMPLETION_INDEX", default=0),
        hosts=hosts or (LOOPBACK,),
        processes=max(1, _number(environment, "TRAINSHED_PROCESSES", default=1)),
    )


def variables(pod: Pod, local: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what one of the pod's processes has on top of the pod's own environment.

    Where to meet may be given in that environment already; ranks are the launcher's to give.
    """
    rank, world = str(pod.rank(local)), str(pod.world)
    own = {"TRAINSHED_RANK": rank, "TRAINSHED_WORLD_SIZE": world}
    if pod.world == 1:
        return own
    address = environment.get("MASTER_ADDR") or pod.hosts[0]
    port = environment.get("MASTER_PORT") or str(MASTER_PORT)
    return {
        **own,
        "RANK": rank,
        "WORLD_SIZE": world,
        "LOCAL_RANK": str(local),
        "LOCAL_WORLD_SIZE": str(pod.processes),
        "MASTER_ADDR": address,
        "MASTER_PORT": port,
        # To torchrun, where a script starts it, each process is a machine of one process.
        "PET_NNODES": world,
        "PET_NODE_RANK": rank,
        "PET_NPROC_PER_NODE": "1",
        "PET_MASTER_ADDR": address,
        "PET_MASTER_PORT": port,
        "TF_CONFIG": environment.get("TF_CONFIG") or _tensorflow(pod, local),
    }


def _tensorflow(pod: Pod, local: int) -> str:
    workers = [
        f"{host}:{TENSORFLOW_PORT + each}" for host in pod.hosts for each in range(pod.processes)
    ]
    task = {"type": "worker", "index": pod.rank(local)}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def _of_tensorflow(text: str) -> Pod | None:
    """Return the pod that TF_CONFIG tells of: the chief first, then the workers.

    A parameter server trains nothing: it comes after them, and so speaks for nobody.
    """
    try:
        found = json.loads(text)
        cluster: dict[str, list[Any]] = found["cluster"]
        role, index = str(found["task"]["type"]), int(found["task"]["index"])
        chiefs = [str(each) for name in CHIEFS for each in cluster.get(name) or ()]
        workers = [*chiefs, *(str(each) for each in cluster.get("worker") or ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not workers:
        return None
    before = {"worker": len(chiefs), **dict.fromkeys(CHIEFS, 0)}.get(role, len(workers))
    return Pod(index=before + index, hosts=tuple(each.rpartition(":")[0] for each in workers))


def _number(environment: Mapping[str, str], name: str, *, default: int) -> int:
    text = environment.get(name, "")
    return int(text) if text.isdecimal() else default
