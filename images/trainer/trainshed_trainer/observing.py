"""Which observers a run has, by its spec."""

from __future__ import annotations

from trainshed_trainer import context, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.exporting import exporter
from trainshed_trainer.training import backends, observers, ranks


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
    if spec.export is not None and among.first:
        found.append(
            exporter.Exports(spec, prepared, backend, asked=spec.export, folder=known.export_dir)
        )
    return found
