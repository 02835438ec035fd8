"""Jobs of several processes on loopback, in each framework's own words for who they are."""

from __future__ import annotations

import json
import pathlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from images.trainer.tests import forking, trainers

# Layer normalisation is of each sample alone: the processes' losses can be compared.
MODEL = {"name": "cnn-attention", "params": {"channels": [4], "hidden": 16, "heads": 2}}


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _torchrun(rank: int, ports: Sequence[int]) -> Mapping[str, str]:
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(len(ports)),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(ports[0]),
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _tf_config(rank: int, ports: Sequence[int]) -> Mapping[str, str]:
    places = [f"127.0.0.1:{port}" for port in ports]
    task = {"type": "worker", "index": rank}
    return {"TF_CONFIG": json.dumps({"cluster": {"worker": places}, "task": task})}


MEETINGS = {"pytorch": _torchrun, "tensorflow": _tf_config}


class Job:
    """Processes of one job. `shown`: the first of them draws its bar."""

    def __init__(
        self, framework: str, folder: pathlib.Path, *, world: int, shown: bool = False
    ) -> None:
        self.framework, self.folder, self.world, self.shown = framework, folder, world, shown
        folder.mkdir()

    def start(self, *, model: Any = MODEL, **training: Any) -> list[forking.Process]:
        """Start all; each time they meet at other ports."""
        spec = {
            "framework": self.framework,
            "model": model,
            "data": {"name": "digits"},
            "training": {"batchSize": 64, "optimizer": {"learningRate": 0.01}, **training},
            "checkpoint": {"resume": "auto"},
        }
        (self.folder / "spec.json").write_text(json.dumps(spec))
        ports = [free_port() for _ in range(self.world)]
        return [self._process(rank, ports) for rank in range(self.world)]

    def _process(self, rank: int, ports: Sequence[int]) -> forking.Process:
        environment = {
            "TRAINSHED_JOB": "" if self.shown and rank == 0 else "digits",
            "TRAINSHED_RANK": str(rank),
            "TRAINSHED_WORLD_SIZE": str(self.world),
            "TRAINSHED_SPEC_FILE": str(self.folder / "spec.json"),
            "TRAINSHED_ACCOUNT_FILE": str(self.folder / f"account-{rank}.json"),
            "TRAINSHED_CHECKPOINT_DIR": str(self.folder / "checkpoints"),
            **MEETINGS[self.framework](rank, ports),
        }
        return trainers.start(self.framework, folder=self.folder, environment=environment)

    def end(self, processes: Sequence[forking.Process]) -> list[Any]:
        """Wait for all; return their accounts."""
        for each in processes:
            each.communicate(timeout=300)
        return [self.account(rank) for rank in range(self.world)]

    def account(self, rank: int) -> Any:
        """Return what a process has left."""
        return json.loads((self.folder / f"account-{rank}.json").read_text())["account"]
