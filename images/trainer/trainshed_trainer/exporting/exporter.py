"""Writes each format, and lets none pass that does not answer as the trained model does."""

from __future__ import annotations

import importlib
import pathlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainshed_trainer import errors, run, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.exporting import contract, files, timing
from trainshed_trainer.training import backends

COMPARED = 64
"""Held-out samples that each file is tried with, of large ones fewer."""
PORTIONS = 8
"""They are held in memory: as much as so many calls of a model take."""
FEWEST = 2
"""Samples of a call at least: one alone would not tell whether the file takes more."""
SLACK = 1e-4
"""How far a pixel may be off that was normalised and brought back."""
TOLERANCE = 1e-4
"""The largest difference of logits, as a share of the largest logit or of 1."""
Array = NDArray[np.float32]


class Exporter(Protocol):
    """A trained model in some framework."""

    contract: contract.Contract

    def native(self, inputs: Array) -> Array:
        """Return inputs (n, *shape) in the framework's order."""

    def trained(self, inputs: Array) -> Array:
        """Return the trained model's logits for inputs that are normalised."""

    def write(self, name: str, folder: pathlib.Path) -> None:
        """Write a format into a folder."""

    def read(self, name: str, folder: pathlib.Path) -> timing.Answer:
        """Return what answers by the file of a format."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file of the model. `path`: its folder below TRAINSHED_EXPORT_DIR; `difference`: of logits.

    `latencies`: of one sample and of a batch, where they were asked for.
    """

    format: str
    path: str
    bytes: int
    difference: float
    latencies: tuple[timing.Latency, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what the account has of it, which is short of room."""
        found: dict[str, Any] = {
            "format": self.format,
            "path": self.path,
            "bytes": self.bytes,
            "maxDifference": _short(self.difference),
        }
        names = ("latencySeconds", "batchLatencySeconds")
        for name, each in zip(names, self.latencies, strict=False):
            found[name] = {
                "samples": each.samples,
                "p50": _short(each.p50),
                "p95": _short(each.p95),
            }
        return found


class Exports:
    """An observer that exports the model of a finished run; `done`: what it has written."""

    def __init__(
        self,
        spec: schema.Spec,
        prepared: preparing.Prepared,
        backend: backends.Backend,
        *,
        asked: schema.Export,
        folder: str,
    ) -> None:
        if not folder:
            raise errors.ConfigurationError(
                "spec.export is asked for, but there is no folder for it: set TRAINSHED_EXPORT_DIR",
                reason="InvalidSpec",
            )
        self._spec = spec
        self._prepared = prepared
        self._backend = backend
        self._asked = asked
        self._folder = pathlib.Path(folder)
        files.prepare(self._folder)
        self.done: list[Exported] = []

    def stepping(self, telling: run.Run) -> None:
        """Nothing to do."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Nothing to do."""

    def finished(self, telling: run.Run) -> None:
        """Write all formats."""
        framework = importlib.import_module(f"trainshed_trainer.exporting.{self._spec.framework}")
        exporter = framework.Exporter(self._spec, self._prepared, self._backend)
        samples = Samples.of(self._prepared, exporter)
        words = contract.render(exporter.contract, self._spec, self._prepared, limits=samples.range)
        for name in self._asked.formats:
            self.done.append(self._export(name, exporter, samples, words))
        telling.record(exports=[each.to_dict() for each in self.done])

    def _export(self, name: str, exporter: Exporter, samples: Samples, words: str) -> Exported:
        # First to the node's disk: of a full volume each framework tells in its own way, if at all.
        with tempfile.TemporaryDirectory() as scratch:
            written = pathlib.Path(scratch)
            exporter.write(name, written)
            (written / contract.FILE).write_text(words, encoding="utf-8")
            with files.whole(self._folder / name) as beside:
                files.copy(written, beside)
                answer = exporter.read(name, beside)
                difference = check(name, answer, samples)
                took = _timed(answer, samples) if self._asked.benchmark else ()
                size = files.size(beside)
        return Exported(name, name, size, difference, took)


@dataclass(frozen=True, slots=True)
class Samples:
    """Held-out inputs as a file takes them, and what the trained model answers.

    `at_once`: how many of them there is memory for in one call.
    """

    raw: Array
    expected: Array
    at_once: int

    @classmethod
    def of(cls, prepared: preparing.Prepared, exporter: Exporter) -> Samples:
        """Return some of the held-out split."""
        held, found = prepared.held, prepared.statistics
        at_once = max(FEWEST, backends.at_once(held.shape, most=COMPARED))
        count = min(COMPARED, PORTIONS * at_once, len(held.labels))
        inputs = held.batch(np.arange(count), epoch=0)
        raw = inputs
        if found is not None:
            raw = np.asarray(inputs * found.deviation + found.mean, dtype=np.float32)
            # Of these very pixels: values far from 0 come back coarser than they were.
            inputs = raw.copy()
            found.normalise_in_place(inputs)
        expected = answered(exporter.trained, exporter.native(inputs), at_once)
        return cls(exporter.native(raw), expected, at_once)

    @property
    def range(self) -> list[int] | None:
        """Return what all pixels lie within: 0 to 1, or nothing that is known."""
        within = self.raw.min() >= -SLACK and self.raw.max() <= 1 + SLACK
        return [0, 1] if within else None


def answered(answer: timing.Answer, inputs: Array, at_once: int) -> Array:
    """Return the answers to all inputs, by calls for which there is memory."""
    parts = (inputs[at : at + at_once] for at in range(0, len(inputs), at_once))
    return np.concatenate([answer(part) for part in parts])


def check(name: str, answer: timing.Answer, samples: Samples) -> float:
    """Return the largest difference of logits; raises ExportError where it is too large."""
    # One sample, too: a graph may have taken the batch that it was recorded with for granted.
    found = np.concatenate(
        [answer(samples.raw[:1]), answered(answer, samples.raw, samples.at_once)]
    )
    expected = np.concatenate([samples.expected[:1], samples.expected])
    difference = float(np.abs(found - expected).max())
    most = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= most:
        raise errors.ExportError(
            f"the exported {name} answers otherwise than the trained model: logits differ by"
            f" {difference:.2g}, more than {most:.2g}: leave {name} out of export.formats, and"
            " report this as a defect",
            reason="ExportMismatch",
        )
    return difference


def _timed(answer: timing.Answer, samples: Samples) -> tuple[timing.Latency, ...]:
    many = samples.raw[: min(timing.BATCH, samples.at_once)]
    return timing.measure(answer, samples.raw[:1]), timing.measure(answer, many)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
