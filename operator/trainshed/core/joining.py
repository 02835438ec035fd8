"""The folds of a cross-validation as one run: counts are summed, the newest push says the rest."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainshed.api import status
from trainshed.core import accounts, observed, reports
from trainshed.core import folds as folding

_MOST = 2**62
"""The status holds int64; each fold may claim nearly as much."""


@dataclass(frozen=True, slots=True)
class _Part:
    """How far one fold is; `total` is None where it has not said."""

    step: int
    total: int | None
    samples: int
    seconds: float
    epochs: int
    done: bool = False
    checkpoint: reports.Checkpoint | None = None

    @property
    def share(self) -> float:
        """Return how much of it is done, 0 to 1."""
        if self.done:
            return 1.0
        return min(1.0, self.step / self.total) if self.total else 0.0


@dataclass(frozen=True, slots=True)
class _Start:
    """When the first fold began, and when the first of them took its first step."""

    time: float | None
    first_step_time: float | None
    first_step_seconds: float | None


def progress(folds: folding.Folds, before: status.TrainingJobStatus) -> reports.Progress | None:
    """Return the progress of all folds; None where the status knows more.

    So it is after a restart, until each fold has pushed again.
    """
    if not folds.pushed:
        return None
    parts = list(_parts(folds))
    step = _total(each.step for each in parts)
    if before.progress is not None and step < before.progress.step:
        return None
    newest = max(folds.pushed.values(), key=lambda each: each.received)
    speeds = [each.samples_per_second for each in folds.going if each.account is None]
    steps, start = _steps(parts, folds.count), _start([*folds.pushed.values()])
    found = folds.status()
    return dataclasses.replace(
        newest,
        fold=None,
        account=None,
        step=step,
        total_steps=steps,
        samples=_total(each.samples for each in parts),
        training_seconds=_seconds(parts),
        samples_per_second=min(sum(speeds), _MOST) if speeds else newest.samples_per_second,
        metrics=found.mean if found is not None else newest.metrics,
        percent=None if steps is None else _percent(parts, folds.count),
        estimated_remaining_seconds=_remaining(folds, parts, steps),
        checkpoint=_checkpoint(parts),
        start_time=start.time,
        first_step_time=start.first_step_time,
        first_step_seconds=start.first_step_seconds,
    )


def account(folds: folding.Folds, workload: observed.JobView | None) -> reports.Account | None:
    """Return the account of all folds of a Job; None where none has ended."""
    if not folds.done and not any(each.account for each in folds.pushed.values()):
        return None
    parts = list(_parts(folds))
    samples, seconds = _total(each.samples for each in parts), _seconds(parts)
    start = _start([*folds.pushed.values(), *folds.news.values()])
    found = folds.status()
    complete = workload is not None and workload.condition("Complete") is not None
    return reports.Account(
        outcome="succeeded" if complete else "failed",
        exit_code=0,
        steps=_total(each.step for each in parts),
        epochs=max(each.epochs for each in parts),
        samples=samples,
        training_seconds=seconds,
        samples_per_second=samples / seconds if seconds > 0 else 0.0,
        loss=_mean(_each(folds, "training_loss")),
        time_to_target_seconds=max(_each(folds, "time_to_target_seconds"), default=None),
        metrics=found.mean if found is not None else {},
        checkpoint=_checkpoint(parts),
        start_time=start.time,
        first_step_time=start.first_step_time,
        first_step_seconds=start.first_step_seconds,
        warnings=_warnings(folds),
    )


def _mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing, and of what no number holds the sum of."""
    try:
        return statistics.fmean(values) if values else None
    except OverflowError:
        return None  # any code may claim any number


def _warnings(folds: folding.Folds) -> tuple[str, ...]:
    """Return what went wrong beside the training, and in which fold: of those that told since."""
    told = {number: each.account for number, each in folds.pushed.items()} | {**folds.news}
    return tuple(
        f"fold {number}: {words}"
        for number, each in sorted(told.items())
        for words in (each.warnings if each is not None else ())
    )[: accounts.MAX_WARNINGS]


def _each(folds: folding.Folds, name: str) -> list[float]:
    """Return a figure of every fold; nothing where one lacks it: that would be of some alone."""
    found = [getattr(each, name) for each in folds.done.values()]
    complete = len(found) == folds.count and None not in found
    return found if complete else []


def _parts(folds: folding.Folds) -> Iterator[_Part]:
    for done in folds.done.values():
        resumed = done.resumed_from_step
        yield _Part(
            step=done.steps,
            total=done.steps,
            samples=done.samples,
            seconds=done.seconds,
            epochs=done.epochs,
            done=True,
            # It wrote one when it ended.
            checkpoint=None if resumed is None else reports.Checkpoint(done.steps, resumed),
        )
    for each in folds.going:
        yield _Part(
            step=each.step,
            total=each.total_steps,
            samples=each.samples,
            seconds=each.training_seconds,
            epochs=each.epoch,
            checkpoint=each.checkpoint,
        )


def _start(told: Sequence[reports.Progress | reports.Account]) -> _Start:
    begun = [each.start_time for each in told if each.start_time is not None]
    stepped = [
        (each.first_step_time, each.first_step_seconds)
        for each in told
        if each.first_step_time is not None
    ]
    at, took = min(stepped, key=lambda each: each[0], default=(None, None))
    return _Start(min(begun, default=None), at, took)


def _total(values: Iterable[int]) -> int:
    return min(sum(values), _MOST)


def _seconds(parts: Iterable[_Part]) -> float:
    return min(sum(each.seconds for each in parts), float(_MOST))


def _steps(parts: list[_Part], count: int) -> int | None:
    """Return the steps of all folds; those that have said nothing are taken to be as long."""
    known = [each.total for each in parts if each.total]
    if not known:
        return None
    said = [each.total or max(known) for each in parts]
    return _total([*said, max(known) * (count - len(said))])


def _percent(parts: Iterable[_Part], count: int) -> float:
    # Less than a hair above: thirds do not sum to a whole.
    return math.floor(100 * sum(each.share for each in parts) / count + 1e-9)


def _remaining(folds: folding.Folds, parts: list[_Part], steps: int | None) -> float | None:
    """Return the seconds until the end, at the mean speed of a step and so many at a time."""
    step, seconds = _total(each.step for each in parts), _seconds(parts)
    if steps is None or not step or seconds <= 0:
        return None
    at_once = max(1, min(folds.parallelism, folds.count - len(folds.done)))
    return max(0, steps - step) * seconds / step / at_once


def _checkpoint(parts: Iterable[_Part]) -> reports.Checkpoint | None:
    kept = [each.checkpoint for each in parts if each.checkpoint is not None]
    if not kept:
        return None
    return reports.Checkpoint(
        _total(each.last_step for each in kept), _total(each.resumed_from_step for each in kept)
    )
