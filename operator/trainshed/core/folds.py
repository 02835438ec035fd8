"""The folds of a cross-validation, and all of them as one run.

A fold is a pod that trains by itself. What it told when it had succeeded is kept in the status: it
outlives the pod, the Job and this process. What it pushes meanwhile is in memory alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainshed.api import cross_validation, status
from trainshed.core import accounts, gangs, observed, reports
from trainshed.core import draft as drafts

FoldStatus = cross_validation.FoldStatus


@dataclass(frozen=True, slots=True)
class Folds:
    """What is known of each fold of a Job, by its number: done, or still on its way."""

    count: int
    parallelism: int
    done: Mapping[int, FoldStatus]
    news: Mapping[int, reports.Account]
    """The accounts of those that the stored status does not have."""
    pushed: Mapping[int, reports.Progress]
    """The last pushes, those of folds that are done too."""

    @property
    def going(self) -> list[reports.Progress]:
        """Return the last pushes of the folds that are not done."""
        return [each for number, each in self.pushed.items() if number not in self.done]

    def status(self) -> cross_validation.CrossValidationStatus | None:
        """Return the folds as status; None before the first is done."""
        if not self.done:
            return None
        ordered = [self.done[number] for number in sorted(self.done)]
        spread = _over([each.metrics for each in ordered], statistics.stdev)
        return cross_validation.CrossValidationStatus(
            folds=ordered,
            mean=_over([each.metrics for each in ordered], statistics.fmean),
            std=spread if len(ordered) > 1 else None,
        )


def done(draft: drafts.Draft) -> Sequence[FoldStatus]:
    """Return the folds that are done, as they stand in a draft."""
    known = draft.fields.get("cross_validation") or draft.before.cross_validation
    return known.folds if known is not None else ()


def news(draft: drafts.Draft) -> bool:
    """Return whether folds are done that the stored status does not have."""
    known = draft.before.cross_validation
    return len(done(draft)) > (len(known.folds) if known is not None else 0)


def summary(draft: drafts.Draft) -> str:
    """Return in words what the folds came to, to begin a message with; nothing without folds."""
    known = draft.fields.get("cross_validation") or draft.before.cross_validation
    if known is None:
        return ""
    accuracy, spread = known.mean.get("accuracy"), (known.std or {}).get("accuracy")
    said = "" if accuracy is None else f" with accuracy {accuracy:.4f}"
    said += "" if accuracy is None or spread is None else f" ± {spread:.4f}"
    return f"{len(known.folds)} folds{said}; "


def of(
    seen: observed.Observation, gang: gangs.Gang, before: status.TrainingJobStatus
) -> Folds | None:
    """Return the folds of the present Job; None where it is no cross-validation.

    What is stored of a fold stands, whoever tells of it again.
    """
    if seen.workload is None or not seen.workload.folds:
        return None
    stored = before.cross_validation.folds if before.cross_validation else ()
    done = {each.fold: each for each in stored}
    news = {
        pod.index: told
        for pod in gang.pods
        if pod.index not in done and (told := _told(pod, seen)) is not None
    }
    done |= {number: _render(number, told) for number, told in news.items()}
    workload = seen.workload
    return Folds(workload.folds, workload.parallelism, done, news, seen.folds)


def _told(pod: observed.PodView, seen: observed.Observation) -> reports.Account | None:
    """Return the account of a pod that has succeeded: the termination message, else the push."""
    if pod.phase == "Failed":
        return None
    told = accounts.parse(pod.container.message) or _pushed(pod, seen)
    return told if told is not None and told.outcome == "succeeded" else None


def _pushed(pod: observed.PodView, seen: observed.Observation) -> reports.Account | None:
    last = seen.folds.get(pod.index)
    return last.account if last is not None and last.pod_uid == pod.uid else None


def _render(number: int, told: reports.Account) -> FoldStatus:
    metrics = list(told.metrics.items())
    if told.held_out_loss is not None:
        metrics = [("loss", told.held_out_loss), *metrics]
    return FoldStatus(
        fold=number,
        metrics={
            name: round(value, 6)
            for name, value in reversed(metrics[: cross_validation.MAX_METRICS])
        },
        samples=told.samples,
        seconds=round(told.training_seconds, 3),
        samples_per_second=round(told.samples_per_second, 1),
        steps=told.steps,
        epochs=told.epochs,
        training_loss=None if told.loss is None else round(told.loss, 6),
        time_to_target_seconds=told.time_to_target_seconds,
        resumed_from_step=told.checkpoint.resumed_from_step if told.checkpoint else None,
    )


def _over(
    rows: Sequence[Mapping[str, float]], figure: Callable[[Iterable[float]], float]
) -> dict[str, float]:
    """Return a figure over the values of each metric that every row has."""
    if len(rows) < 2 and figure is statistics.stdev:
        return {}
    found: dict[str, float] = {}
    for name in rows[0]:
        if all(name in each for each in rows):
            try:
                value = figure([each[name] for each in rows])
            except OverflowError:
                continue  # any code may claim any number
            if math.isfinite(value):
                found[name] = round(value, 6)
    return found
