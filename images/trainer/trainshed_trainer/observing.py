"""Which observers a run has, by its spec."""

from __future__ import annotations

from trainshed_trainer import context, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.evaluation import lenses, performance
from trainshed_trainer.exporting import exporter
from trainshed_trainer.reporting import history, reports
from trainshed_trainer.training import backends, courses, observers, ranks


def observers_of(
    spec: schema.Spec,
    prepared: preparing.Prepared,
    backend: backends.Backend,
    *,
    known: context.Context,
    among: ranks.Ranks,
) -> list[observers.Observer]:
    """Return what watches a run in this process: the first one alone writes files."""
    found: list[observers.Observer] = []
    tested = exports = None
    if (asked := spec.evaluation.performance) is not None:
        tested = _tested(asked, spec, prepared, backend, among=among)
        found.append(tested)
    if not among.first:
        return found
    if spec.export is not None:
        exports = exporter.Exports(
            spec, prepared, backend, asked=spec.export, folder=known.export_dir
        )
        found.append(exports)
    if known.artifacts_dir:
        curves = history.History()
        report = reports.Report(
            spec,
            prepared,
            backend,
            title=known.job or spec.model.name,
            folder=known.artifacts_dir,
            curves=curves,
            exports=exports,
            tested=tested,
        )
        found += [curves, report]
    return found


def _tested(
    asked: schema.Performance,
    spec: schema.Spec,
    prepared: preparing.Prepared,
    backend: backends.Backend,
    *,
    among: ranks.Ranks,
) -> performance.Test:
    course = courses.plan(spec.training, samples=len(prepared.train.labels), world=among.world)
    return performance.Test(
        asked,
        backend,
        course,
        world=among.world,
        lens=(lambda: lenses.take(spec, prepared, backend)) if among.first else None,
    )
