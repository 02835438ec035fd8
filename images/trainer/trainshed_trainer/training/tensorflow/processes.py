"""The processes of one job, by TF_CONFIG: sums over all, and when all stop.

Each process has one device and variables of its own. They begin alike, by the seed, and stay
alike, because each changes them by the same sums: so no variable need be mirrored.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
from tensorflow.python.eager import context

from trainshed_trainer import errors
from trainshed_trainer.training import ranks

CHIEFS = ("chief", "master")
"""Names of the first process's role; `master` is Kubeflow's old one."""
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
HEARTBEAT_MILLISECONDS = 60_000
"""TensorFlow's own 10 s are over while a busy node starts a process. One that is gone is told by
its connections at once, and by its pod."""
END = "trainshed/end"
END_MILLISECONDS = 24 * 3600 * 1000
"""The first process may export and test for long; one that fails ends the others by its pod."""
Tensor = Any


class Processes(Protocol):
    """What the processes of a job do together, inside of a graph."""

    @property
    def world(self) -> int:
        """How many there are."""

    def run(self, function: Callable[..., Tensor], arguments: Sequence[Tensor]) -> Tensor:
        """Return what the function does; in it, sums are taken."""

    def sum(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums of tensors over all processes, by one exchange."""

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """Raise PeersLost where the others can't be reached meanwhile."""

    def part(self) -> None:
        """Wait until no process needs another any more."""


class Alone:
    """The only process."""

    world = 1

    def run(self, function: Callable[..., Tensor], arguments: Sequence[Tensor]) -> Tensor:
        """Return what the function does."""
        return function(*arguments)

    def sum(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the tensors."""
        return list(parts)

    def watched(self) -> contextlib.AbstractContextManager[None]:
        """There is nobody to lose."""
        return contextlib.nullcontext()

    def part(self) -> None:
        """There is nobody to wait for."""


class Group:
    """One of several processes."""

    def __init__(self, among: ranks.Ranks) -> None:
        self.world = among.world
        os.environ["TF_CONFIG"] = json.dumps(cluster(os.environ, among))
        _be_patient(among.world)
        with self.watched():
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def run(self, function: Callable[..., Tensor], arguments: Sequence[Tensor]) -> Tensor:
        """Return what the function does in this process."""
        return self._strategy.run(function, args=tuple(arguments))

    def sum(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the sums of tensors over all processes, by one exchange."""
        flat = tf.concat([tf.reshape(part, (-1,)) for part in parts], axis=0)
        context = tf.distribute.get_replica_context()
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, flat)
        pieces = tf.split(summed, [part.shape.num_elements() for part in parts])
        return [tf.reshape(a, b.shape) for a, b in zip(pieces, parts, strict=True)]

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Raise PeersLost where the others can't be reached meanwhile."""
        try:
            yield
        except LOST as error:
            raise errors.PeersLost(str(error)) from error

    def part(self) -> None:
        """Wait until every process has come to its end.

        A sum is over for one process while another still reads its part of it from the first:
        one that went at once would take the answer with it. The first process, which has reports
        to write, is waited for: its service tells the others of all, and they can't do without.
        """
        # Whoever fails here has been left behind by those who are through: nobody needs it.
        with contextlib.suppress(tf.errors.OpError):
            context.context().wait_at_barrier(END, END_MILLISECONDS)


def _be_patient(world: int) -> None:
    """Have the processes' service wait longer for a sign of life; before the strategy is made."""
    try:
        from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2 as configs
    except ImportError:  # another version, which keeps its own patience
        return
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader="/job:worker/replica:0/task:0",
        heartbeat_timeout_in_ms=HEARTBEAT_MILLISECONDS,
        coordinated_jobs=[configs.CoordinatedJob(name="worker", num_tasks=world)],
    )


def join(among: ranks.Ranks) -> Processes:
    """Meet the other processes of the job, if there are any; before any tensor is made."""
    return Group(among) if among.world > 1 else Alone()


def cluster(environment: Mapping[str, str], among: ranks.Ranks) -> dict[str, Any]:
    """Return TF_CONFIG as TensorFlow takes it; raises where it is not of this job's ranks."""
    try:
        found = json.loads(environment.get("TF_CONFIG", ""))
        roles = {str(role): list(places) for role, places in found["cluster"].items() if places}
        task = str(found["task"]["type"]), int(found["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _invalid("TF_CONFIG has no cluster and task, as several processes need") from error
    chiefs = [place for role in CHIEFS for place in roles.pop(role, [])]
    workers = roles.pop("worker", [])
    if roles or len(chiefs) > 1:
        raise _invalid(f"TF_CONFIG has roles {', '.join(found['cluster'])}: have workers alone")
    rank = task[1] + (len(chiefs) if task[0] == "worker" else 0)
    if (rank, len(chiefs) + len(workers)) != (among.rank, among.world):
        raise _invalid(f"TF_CONFIG is not of rank {among.rank} of {among.world}: set both alike")
    # A chief and workers differ in TensorFlow by who writes checkpoints, which is the loop's.
    return {"cluster": {"worker": [*chiefs, *workers]}, "task": {"type": "worker", "index": rank}}


def _invalid(message: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(message, reason="InvalidSpec")
