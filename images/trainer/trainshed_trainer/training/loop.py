"""The training loop. It knows no framework, no model and no data set by name."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from trainshed_trainer import context, errors, run, schema
from trainshed_trainer.training import backends, checkpoints, courses, observers, ranks


def train(
    asked: schema.Training,
    backend: backends.Backend,
    *,
    samples: int,
    keeper: checkpoints.Keeper | None = None,
    among: ranks.Ranks = ranks.ALONE,
    watching: Sequence[observers.Observer] = (),
    known: context.Context | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Train on so many samples, evaluate after each epoch, and tell of both.

    `keeper`: what keeps checkpoints; the run goes on from the last one. `watching`: told of the
    run as it goes on; closing them is the caller's.
    """
    course = courses.plan(asked, samples=samples, world=among.world)
    with (
        run.Run(total_steps=course.total_steps, known=known) as telling,
        keeper or contextlib.nullcontext(),
    ):
        telling.describe(**backend.info)
        _Loop(
            asked,
            course,
            backend,
            telling,
            keeper=keeper,
            among=among,
            watching=watching,
            clock=clock,
        ).run()


class _Loop:
    """One run of a course."""

    def __init__(
        self,
        asked: schema.Training,
        course: courses.Course,
        backend: backends.Backend,
        telling: run.Run,
        *,
        keeper: checkpoints.Keeper | None,
        among: ranks.Ranks,
        watching: Sequence[observers.Observer],
        clock: Callable[[], float],
    ) -> None:
        self._asked = asked
        self._course = course
        self._backend = backend
        self._telling = telling
        self._keeper = keeper
        self._among = among
        self._watching = watching
        self._clock = clock
        self._began = clock()
        self._stopped = False
        self._kept = 0

    def run(self) -> None:
        """Train until the last step, the target, or the order to stop."""
        course, telling = self._course, self._telling
        self._resume()
        for epoch in range(course.epoch(telling.step), course.epochs + 1):
            telling.epoch(epoch)
            self._epoch(epoch)
            if self._stopped or self._reached():
                break
        self._keep()
        if not self._stopped:
            for each in self._watching:
                each.finished(telling)
        self._backend.part()

    def _resume(self) -> None:
        """Go on from a checkpoint, where there is one."""
        if self._keeper is None:
            return
        found = self._keeper.resume(self._backend.led)
        if found is not None:
            self._restore(found)
            self._kept = found.step
        self._telling.resumed(self._kept)
        if found is not None and found.loss is not None:
            # A run that was done takes no step more, and its result has a loss all the same.
            self._telling.log(loss=found.loss)

    def _restore(self, found: checkpoints.Resumed) -> None:
        if found.step > (end := self._course.total_steps):
            # No step would be left, nor an evaluation: the run would succeed without a result.
            raise errors.CheckpointError(
                f"the last checkpoint is of step {found.step}, and the run ends at step {end}:"
                " raise training.epochs or training.maxSteps, or set checkpoint.resume to never to"
                " begin anew",
                reason="CheckpointMismatch",
            )
        try:
            self._backend.restore(found.state)
        except ValueError as error:
            raise errors.CheckpointError(
                f"the checkpoint can't be taken over ({error}): set checkpoint.resume to never to"
                " begin anew",
                reason="CheckpointMismatch",
            ) from error
        self._began -= found.seconds

    def _keep(self) -> None:
        """Keep the run as it stands; a loss that is no number is not worth keeping."""
        keeper, step = self._keeper, self._telling.step
        if keeper is None or step == self._kept:
            return
        self._kept = step
        if not keeper.writes:
            self._backend.state()  # the one that writes needs the others' part
            return
        self._telling.check_loss()
        seconds, loss = self._clock() - self._began, self._telling.figures()["loss"]
        keeper.save(
            step,
            self._backend.state(),
            seconds=seconds,
            loss=loss if math.isfinite(loss) else None,
            then=self._telling.kept,
        )

    def _epoch(self, epoch: int) -> None:
        """Take the steps of an epoch, or those that are left of it."""
        backend, telling, rate_of = self._backend, self._telling, self._course.rate
        step = telling.step
        order = self._course.order(epoch, done=step)
        samples = _of_all if self._among.first else 0
        with contextlib.closing(backend.batches(order, epoch=epoch)) as batches:
            for batch in telling.steps(batches, samples=samples, before=self._before):
                rate = rate_of(step)
                telling.log(loss=backend.step(batch, rate), learning_rate=rate)
                step += 1

    def _before(self, told: bool) -> bool:
        """Answer before each step whether the loop ends there."""
        done = self._telling.step >= self._course.total_steps
        due = self._keeper is not None and self._keeper.due()
        stops, keeps = self._backend.stops(told, due=due)
        self._stopped = stops and not done
        if keeps:
            self._keep()
        if not self._stopped:
            for each in self._watching:
                each.stepping(self._telling)
        return self._stopped

    def _reached(self) -> bool:
        """Evaluate; return whether the target is reached."""
        found = self._backend.evaluate()
        self._telling.evaluate(**found)
        for each in self._watching:
            each.evaluated(self._telling, found)
        target = self._asked.target
        if target is None or not target.reached(found[target.metric]):
            return False
        self._telling.reached(self._clock() - self._began)
        return True


def _of_all(batch: Any) -> int:
    """Return the samples of a step in all processes: the first one counts for the job."""
    return int(batch.samples)
