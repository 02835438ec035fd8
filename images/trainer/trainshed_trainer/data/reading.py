"""Samples of a source in the one shape that a model takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from trainshed_trainer import cpus, errors, schema
from trainshed_trainer.data import corrupt, pipelines, resizing, sources

CHUNK = 16


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads, checks and resizes samples; used by many threads."""

    source: sources.Source
    size: tuple[int, ...] | None
    tally: corrupt.Tally
    shape: tuple[int, ...]

    def named(self, label: int) -> str:
        """Return the name of a class."""
        return repr(self.source.classes[label])

    def attempt(self, number: int) -> sources.Sample | None:
        """Return a sample; None, and counted, where it can't be read."""
        try:
            found = _read(self.source, number, self.size)
        except corrupt.Corrupt as why:
            self.tally.add(self.source.title(number), why)
            return None
        if found.shape != self.shape:
            title = corrupt.printable(self.source.title(number))
            raise _different(title, found.shape, self.shape)
        return found

    def each(self, numbers: sources.Numbers) -> Iterator[sources.Sample | None]:
        """Yield the samples in order, read by a thread for each CPU."""
        chunks = (numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK))
        for chunk in pipelines.ordered(self._some, chunks, workers=cpus.usable()):
            yield from chunk

    def _some(self, numbers: Iterable[int]) -> list[sources.Sample | None]:
        return [self.attempt(int(number)) for number in numbers]


def begin(source: sources.Source, asked: schema.Preprocess, tally: corrupt.Tally) -> Reader:
    """Return a reader of the shape that the first sample has that can be read."""
    for number in range(len(source.labels)):
        try:
            shape = _read(source, number, asked.resize).shape
        except corrupt.Corrupt as why:
            tally.add(source.title(number), why)
            continue
        if len(shape) == 3 and (asked.frames is not None or asked.stride != 1):
            raise errors.ConfigurationError(
                "data.preprocess.frames and stride are of clips, and these are images:"
                " leave them out",
                reason="InvalidSpec",
            )
        return Reader(source, asked.resize, tally, shape)
    raise errors.DataError(
        "no sample of the data can be read: see the lines above", reason="TooManyCorrupt"
    )


def _read(source: sources.Source, number: int, size: tuple[int, ...] | None) -> sources.Sample:
    found = source.load(number)
    if found.dtype != np.uint8 and not np.isfinite(found).all():
        raise corrupt.Corrupt("has pixels that are not finite numbers")
    if size is None or found.shape[-2:] == size:
        return found
    return resizing.resize(sources.unit(found), height=size[0], width=size[1])


def _different(title: str, found: tuple[int, ...], others: tuple[int, ...]) -> errors.DataError:
    """Return the error for a sample of another shape than those before."""
    if found[-2:] != others[-2:]:
        return errors.DataError(
            f"{title} is {found[-2]}x{found[-1]} pixels, others are {others[-2]}x{others[-1]}:"
            " set data.preprocess.resize to [height, width]",
            reason="DifferentSizes",
        )
    if len(found) == len(others) == 4 and found[0] != others[0]:
        return errors.DataError(
            f"{title} has {found[0]} frames, others have {others[0]}: set data.preprocess.frames",
            reason="DifferentLengths",
        )
    return errors.DataError(
        f"{title} has the shape {found}, others have {others}: all must be images or all clips,"
        " of the same channels",
        reason="DifferentShapes",
    )
