"""Writes the report of a finished run."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Mapping

import numpy as np

from trainshed_trainer import accounts, run, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.evaluation import lenses, performance, visual
from trainshed_trainer.exporting import exporter
from trainshed_trainer.reporting import findings, history, page, summaries
from trainshed_trainer.training import backends

FILE = "report.html"
SUMMARY = "model-summary.txt"


class Report:
    """An observer, the last of all: it tells of what those before it have found."""

    def __init__(
        self,
        spec: schema.Spec,
        prepared: preparing.Prepared,
        backend: backends.Backend,
        *,
        title: str,
        folder: str,
        curves: history.History,
        exports: exporter.Exports | None = None,
        tested: performance.Test | None = None,
    ) -> None:
        self._spec = spec
        self._prepared = prepared
        self._backend = backend
        self._title = title
        self._folder = pathlib.Path(folder)
        self._curves = curves
        self._exports = exports
        self._tested = tested

    def stepping(self, telling: run.Run) -> None:
        """Nothing to do."""

    def evaluated(self, telling: run.Run, found: Mapping[str, float]) -> None:
        """Nothing to do."""

    def finished(self, telling: run.Run) -> None:
        """Write the report; a run is as good without one."""
        found = self._findings(telling)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            accounts.write(str(self._folder / SUMMARY), summaries.render(found.model))
            accounts.write(str(self._folder / FILE), page.render(found))
        except OSError as error:
            words = f"ReportFailed: no report: {error}: give visualization.volume more room"
            print(f"trainshed: {words}", file=sys.stderr)  # noqa: T201
            telling.warn(words)
        else:
            telling.record(report=FILE)

    def _findings(self, telling: run.Run) -> findings.Findings:
        lens = lenses.take(self._spec, self._prepared, self._backend)
        classes, tested = self._prepared.classes, self._tested
        seen = None
        if self._spec.evaluation.visual:
            seen = visual.look(lens, self._prepared.held, classes=len(classes))
        return findings.Findings(
            title=self._title,
            spec=self._spec,
            info=self._backend.info,
            steps=telling.step,
            samples=telling.counts.samples,
            seconds=telling.counts.training_seconds,
            metrics=telling.metrics,
            model=findings.Model(lens.layers(), lens.parameters(), lens.flops()),
            data=self._data(),
            curves=self._curves.series,
            performance=None if tested is None else tested.found,
            utilisation=None if tested is None else tested.utilisation,
            exports=[] if self._exports is None else self._exports.done,
            seen=seen,
        )

    def _data(self) -> findings.Data:
        prepared = self._prepared
        sides = (prepared.train.labels, prepared.held.labels)
        own, held = (np.bincount(each, minlength=len(prepared.classes)).tolist() for each in sides)
        counts = list(zip(own, held, strict=True))
        return findings.Data(
            prepared.classes,
            prepared.held.shape,
            counts,
            prepared.statistics,
            corrupt=prepared.corrupt.count,
            named=tuple(prepared.corrupt.names),
        )
