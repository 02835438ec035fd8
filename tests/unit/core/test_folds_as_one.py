"""All folds of a cross-validation as one run: progress, result and timeline."""

from __future__ import annotations

from tests import builders
from tests.unit.core import folds, passes
from trainshed.api import phases
from trainshed.core import reports


def test_progress_is_the_share_of_all_folds() -> None:
    push = {
        1: folds.pushed(1, 50, samples=3200, samples_per_second=600.0),
        2: folds.pushed(2, 25, samples=1600, samples_per_second=200.0, received=10.5),
    }
    before = folds.seen(
        folds.active(), folds.done(0), folds.fold(1).running(), folds.fold(2).running(), folds=push
    )

    progress = passes.read(passes.decided(before, now=11)).progress

    assert progress is not None
    assert (progress.step, progress.total_steps, progress.percent) == (175, 300, 58)
    assert progress.samples_per_second == 800.0
    assert progress.metrics == {"accuracy": 0.9}
    assert progress.last_update_time == builders.at(10)


def test_folds_that_have_not_begun_are_taken_to_be_as_long() -> None:
    push = {0: folds.pushed(0, 50, training_seconds=5.0)}

    progress = passes.read(
        passes.decided(folds.seen(folds.active(), folds.fold(0).running(), folds=push), now=11)
    ).progress

    assert progress is not None
    assert (progress.total_steps, progress.percent) == (300, 16)
    # 250 steps of 0.1 s, two folds at a time.
    assert progress.estimated_remaining_seconds == 12


def test_progress_never_goes_back_after_a_restart() -> None:
    both = {1: folds.pushed(1, 50), 2: folds.pushed(2, 50)}
    before = folds.seen(
        folds.active(), folds.done(0), folds.fold(1).running(), folds.fold(2).running(), folds=both
    )
    before = passes.stored(before, passes.decided(before, now=11))
    one = {1: folds.pushed(1, 60, received=40)}

    after = folds.again(
        before,
        folds.seen(folds.active(), folds.fold(1).running(), folds.fold(2).running(), folds=one),
    )

    assert passes.decided(after, now=41).status is None


def test_the_end_of_a_fold_brings_the_progress_with_it() -> None:
    push = {0: folds.pushed(0, 90), 1: folds.pushed(1, 50)}
    before = folds.seen(
        folds.active(), folds.fold(0).running(), folds.fold(1).running(), folds=push
    )
    before = passes.stored(before, passes.decided(before, now=11))

    after = folds.again(
        before, folds.seen(folds.active(), folds.done(0), folds.fold(1).running(), folds=push)
    )

    progress = passes.read(passes.decided(after, now=12)).progress
    assert progress is not None
    assert progress.step == 150


def test_the_result_sums_the_folds() -> None:
    pods = [
        folds.done(0, accuracy=0.9, samples=6400, trainingSeconds=8.0),
        folds.done(1, accuracy=0.8, samples=6400, trainingSeconds=8.0),
        folds.done(2, accuracy=0.7, samples=6400, trainingSeconds=16.0),
    ]

    wanted = passes.decided(folds.seen(builders.job().complete(30), *pods), now=31)

    found = passes.read(wanted)
    assert found.phase is phases.Phase.SUCCEEDED
    assert found.result is not None
    assert (found.result.samples, found.result.seconds, found.result.steps) == (19200, 32.0, 300)
    assert (found.result.samples_per_second, found.result.accuracy) == (600.0, 0.8)
    assert found.progress is not None
    assert (found.progress.step, found.progress.percent) == (300, 100)
    assert passes.condition(wanted, "Succeeded")[2] == (
        "3 folds with accuracy 0.8000 ± 0.1000; 300 steps at 600.0 samples/s"
    )


def test_a_complete_job_waits_for_the_words_of_every_fold() -> None:
    complete = builders.job().complete(30)
    before = folds.seen(complete, folds.done(0), folds.done(2))

    assert not passes.read(passes.decided(before, now=31)).phase.finished
    assert passes.read(passes.decided(before, now=40)).phase is phases.Phase.SUCCEEDED
    whole = folds.seen(
        builders.job().complete(30), folds.done(0), folds.fold(1).exited(0), folds.done(2)
    )
    assert passes.read(passes.decided(whole, now=31)).phase is phases.Phase.SUCCEEDED


def test_checkpoints_are_counted_over_all_folds() -> None:
    kept = {"checkpoint": {"lastStep": 100, "resumedFromStep": 40}}
    push = {1: folds.pushed(1, 60, checkpoint=reports.Checkpoint(50, 10))}
    before = folds.seen(folds.active(), folds.done(0, **kept), folds.fold(1).running(), folds=push)

    found = passes.read(passes.decided(before, now=11)).checkpoint

    assert found is not None
    assert (found.last_step, found.resumed_from_step) == (150, 50)


def test_the_timeline_is_that_of_the_first_fold() -> None:
    push = {
        0: folds.pushed(0, 5, first_step_time=builders.T0 + 9, first_step_seconds=1.0),
        1: folds.pushed(1, 5, first_step_time=builders.T0 + 8, first_step_seconds=0.5),
    }
    running = [folds.fold(0).running(since=3), folds.fold(1).running(since=4)]

    timeline = passes.read(
        passes.decided(folds.seen(folds.active(), *running, folds=push), now=11)
    ).timeline

    assert timeline is not None
    assert (timeline.scheduling, timeline.pulling) == (0.0, 1.0)
    assert (timeline.initialising, timeline.first_step, timeline.to_first_step) == (4.5, 0.5, 8.0)
