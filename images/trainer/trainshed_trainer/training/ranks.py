"""What part of each step a process has, among all processes of a job. NumPy only."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer import errors

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which process this is, from 0, and of how many. `local`: among those of its machine."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process speaks for the job: it counts, and it writes checkpoints."""
        return self.rank == 0


@dataclass(frozen=True, slots=True)
class Portion:
    """This process's sample numbers of one step; `samples`: those of all processes."""

    numbers: Numbers
    samples: int


ALONE = Ranks()


def read(environment: Mapping[str, str] = os.environ) -> Ranks:
    """Return the ranks by torchrun's variables, else by the operator's.

    Raises ConfigurationError where the rank is none of the world's: it would train on nothing.
    """

    def number(*names: str, default: int) -> int:
        found = (environment[name] for name in names if environment.get(name, "").isdecimal())
        return int(next(found, default))

    rank = number("RANK", "TRAINSHED_RANK", default=0)
    world = number("WORLD_SIZE", "TRAINSHED_WORLD_SIZE", default=1)
    if rank >= world:
        raise errors.ConfigurationError(
            f"rank {rank} of {world} processes can't be: ranks begin at 0; set RANK and WORLD_SIZE,"
            " or neither",
            reason="InvalidSpec",
        )
    return Ranks(rank, world, number("LOCAL_RANK", default=0))


def check(size: int, world: int) -> None:
    """Raise ConfigurationError where a batch can't be divided evenly."""
    if size % world:
        raise errors.ConfigurationError(
            f"training.batchSize is {size}, which {world} processes can't share evenly:"
            f" set batchSize to a multiple of {world}",
            reason="InvalidSpec",
        )


def steps(samples: int, *, size: int, world: int) -> int:
    """Return the steps of one epoch: the last one has what is left, if each process gets some."""
    whole, left = divmod(samples, size)
    return whole + (left >= world)


def share(count: int, among: Ranks) -> Numbers:
    """Return the numbers below `count` that are this process's to evaluate."""
    return np.arange(among.rank, count, among.world)


def portions(order: Numbers, *, size: int, ranks: Ranks) -> Iterator[Portion]:
    """Yield this process's part of each step of `size` samples, in order."""
    for step in range(steps(len(order), size=size, world=ranks.world)):
        batch = order[step * size : (step + 1) * size]
        share = math.ceil(len(batch) / ranks.world)
        # The first processes have one more where it does not come out even.
        more = len(batch) - (share - 1) * ranks.world
        begin = ranks.rank * (share - 1) + min(ranks.rank, more)
        count = share if ranks.rank < more else share - 1
        yield Portion(batch[begin : begin + count], len(batch))
