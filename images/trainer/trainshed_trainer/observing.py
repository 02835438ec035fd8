"""Which observers a run has, by its spec."""

from __future__ import annotations

import contextlib
import functools
import pathlib
from collections.abc import Iterator

from trainshed_trainer import context, errors, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.evaluation import lenses, performance
from trainshed_trainer.exporting import exporter, files
from trainshed_trainer.reporting import history, omissions, reports
from trainshed_trainer.tracing import boards, profiles
from trainshed_trainer.training import backends, courses, observers, ranks


@contextlib.contextmanager
def watching(
    spec: schema.Spec,
    prepared: preparing.Prepared,
    backend: backends.Backend,
    *,
    known: context.Context,
    among: ranks.Ranks,
) -> Iterator[list[observers.Observer]]:
    """Yield what watches a run in this process, and close its files whatever becomes of the run."""
    found = observers_of(spec, prepared, backend, known=known, among=among)
    with contextlib.ExitStack() as open_files:
        for each in found:
            if isinstance(each, boards.Board | profiles.Profile):
                open_files.callback(each.close)
        yield [*found, omissions.Omissions(prepared.corrupt)] if among.first else found


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
        _prepare(known.artifacts_dir)
    curves = history.History()
    looks = _looks(spec, prepared, backend, curves=curves, folder=known.artifacts_dir)
    if not known.artifacts_dir:
        return found
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
    # A trace ends before the tests begin, and the report tells of all that is found before it.
    return [*looks, *found, curves, report]


def _prepare(folder: str) -> None:
    """Make the folder of what is to be looked at; raises where it takes no files."""
    try:
        files.probe(pathlib.Path(folder))
    except OSError as error:
        raise errors.ArtifactsError(
            f"what is to be looked at can't be written to {folder} ({error.strerror or error}):"
            " give visualization.volume a volume that is neither full nor read-only, and that the"
            " pod's group, pod.fsGroup, may write to",
            reason="ArtifactsNotWritten",
        ) from error


def _looks(
    spec: schema.Spec,
    prepared: preparing.Prepared,
    backend: backends.Backend,
    *,
    curves: history.History,
    folder: str,
) -> list[boards.Board | profiles.Profile]:
    """Return what writes TensorBoard's files and traces, where they are asked for."""
    found: list[boards.Board | profiles.Profile] = []
    if (asked := spec.visualization) is None:
        return found
    if not folder:
        raise errors.ConfigurationError(
            "spec.visualization is asked for, but there is no folder for it: set"
            " TRAINSHED_ARTIFACTS_DIR",
            reason="InvalidSpec",
        )
    if asked.tensorboard is not None and asked.tensorboard.enabled:
        lens = functools.partial(lenses.take, spec, prepared, backend)
        board = boards.Board(spec, folder=folder, lens=lens)
        curves.written = board.point
        found.append(board)
    if asked.profile is not None:
        tracer = functools.partial(profiles.tracer_of, spec.framework)
        found.append(profiles.Profile(asked.profile, folder=folder, tracer=tracer))
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
