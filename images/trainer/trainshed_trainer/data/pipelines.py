"""Batches in order, made by threads a little ahead of the device that asks for them.

Threads and no processes: decoding and NumPy's large operations release the interpreter's lock,
and nothing is copied from one process to another.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Generator, Iterable
from concurrent import futures
from typing import Protocol, TypeVar

from trainshed_trainer import cpus
from trainshed_trainer.data import sources

T = TypeVar("T")
R = TypeVar("R")
Batch = tuple[sources.Pixels, sources.Numbers]
AHEAD = 2
"""How many results may be ready and wait, beside the one that each worker is at."""


class Split(Protocol):
    """What batches are made of."""

    @property
    def labels(self) -> sources.Numbers:
        """Return the labels (n,)."""

    def batch(self, numbers: sources.Numbers, *, epoch: int) -> sources.Pixels:
        """Return the inputs of these numbers."""


def batches(
    split: Split,
    order: sources.Numbers,
    *,
    size: int,
    epoch: int,
    workers: int | None = None,
) -> Generator[Batch, None, None]:
    """Yield inputs (k, *shape) and labels (k,) in an order; the last batch holds what is left.

    At most `workers` + 2 batches are in memory besides the one that was given out. None takes as
    many workers as there are CPUs to use, 0 none: a batch is then made when it is asked for.
    """
    cut = (order[at : at + size] for at in range(0, len(order), size))
    many = cpus.usable() if workers is None else workers

    def made(numbers: sources.Numbers) -> Batch:
        return split.batch(numbers, epoch=epoch), split.labels[numbers]

    return ordered(made, cut, workers=many)


def ordered(
    function: Callable[[T], R], items: Iterable[T], *, workers: int
) -> Generator[R, None, None]:
    """Yield the function's results in the order of items; closing it ends the threads."""
    if workers == 0:
        yield from map(function, items)
        return
    pool = futures.ThreadPoolExecutor(workers, thread_name_prefix="trainshed-data")
    pending: collections.deque[futures.Future[R]] = collections.deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= workers + AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
