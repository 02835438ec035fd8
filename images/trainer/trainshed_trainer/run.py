"""`Run`: the one object that a training script needs."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from trainshed_trainer import (
    accounts,
    bars,
    context,
    counting,
    errors,
    gpus,
    metrics,
    pushing,
    sizes,
    standing,
)

T = TypeVar("T")
CHECK_STEPS = 50
"""How often the loss is looked at: reading a tensor waits for its device."""
LONGEST_NAME = 64
"""Characters of an evaluation metric's name; the operator takes no more."""


class Run:
    """Counts and tells of a training run, inside a cluster and outside one.

        with Run() as run:
            for batch in run.steps(loader):
                run.log(loss=train(batch))
            run.evaluate(accuracy=0.97)

    On SIGTERM the present step is finished, the loop ends, and the process exits with 75.
    One `Run` a process: another one counts anew, and its account replaces the first one's.
    """

    def __init__(
        self,
        *,
        total_steps: int | None = None,
        known: context.Context | None = None,
        clock: Callable[[], float] = time.perf_counter,
        devices: gpus.Gpus | None = None,
    ) -> None:
        """`total_steps`: steps until the end, for progress and the estimate, where known.

        `devices`: its GPUs; by default those that CUDA lets it use.
        """
        known = known if known is not None else context.read()
        self._known = known
        self._clock = clock
        self._at = standing.Standing(total_steps)
        self._logged_at: float | None = None
        # Not an Event: its lock could be held by the very code that a signal interrupts.
        self._told = False
        self._cut_short = False
        self._gpus = devices if devices is not None else gpus.Gpus()
        self._series = metrics.create(
            self._at,
            trainingjob=known.job,
            rank=known.rank,
            fold=known.fold,
            devices=self._gpus.readings,
        )
        self._pusher: pushing.Pusher | None = None
        self._bar = None if self._known.in_job else bars.Bar()
        self._close_server: Callable[[], None] | None = None
        self._handler: Any = None

    @property
    def params(self) -> Mapping[str, Any]:
        """Return `spec.params` of the job; empty outside one."""
        return self._known.params()

    @property
    def stopping(self) -> bool:
        """Whether the run was told to stop; loops of one's own should end then."""
        return self._stop()

    @property
    def counts(self) -> counting.Counts:
        """Return what has been counted so far."""
        return self._at.counts

    @property
    def metrics(self) -> Mapping[str, float]:
        """Return what the last evaluation has found."""
        return self._at.evaluated

    def figures(self) -> dict[str, float]:
        """Return loss, learning rate and samples/s of now; the loss may wait for its device."""
        found = {"loss": self._at.loss_value()}
        if self._at.rate is not None:
            found["learning rate"] = self._at.rate
        found["samples/s"] = self._at.counts.recent_samples_per_second() or 0.0
        return found

    def __enter__(self) -> Self:
        """Begin: serve metrics, push progress, take SIGTERM."""
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGTERM, self._told_to_stop)
        if self._known.in_job:
            self._gpus.start()
        if self._series is not None and self._known.metrics_port is not None:
            try:
                self._close_server = self._series.serve(self._known.metrics_port)
            except OSError as error:
                print(f"trainshed: no metrics: {error}", file=sys.stderr)  # noqa: T201
        if self._known.progress_url:
            self._pusher = pushing.Pusher(self._known, self._at.progress)
            self._pusher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End: leave the account for the launcher; exit with 75 where told to stop."""
        try:
            if self._pusher is not None:
                self._pusher.close()
            self._leave_account(error)
            if self._bar is not None:
                self._bar.update(self._at.shown, self._at.share(), last=True)
        finally:
            if self._close_server is not None:
                self._close_server()
            if self._handler is not None:
                signal.signal(signal.SIGTERM, self._handler)
        if self._cut_short and kind is None:
            raise SystemExit(errors.EXIT_STOPPED)

    def describe(self, **info: str) -> None:
        """Tell framework, framework_version, device and dtype, for training_process_info."""
        if self._series is not None:
            self._series.introduce({"world_size": str(self._known.world_size), **info})

    def epoch(self, number: int) -> None:
        """Say which epoch begins, from 1."""
        self._at.epoch = number

    @property
    def step(self) -> int:
        """Return the steps done, with those of earlier attempts."""
        return self._at.step

    def resumed(self, step: int) -> None:
        """Say at which step the run goes on, by a checkpoint; 0: there was none."""
        self._at.resumed = self._at.kept = step

    def kept(self, step: int) -> None:
        """Say up to which step a checkpoint holds the run."""
        self._at.kept = step

    def reached(self, seconds: float) -> None:
        """Say that the target is reached, and after how many seconds of the run."""
        self._at.target_seconds = seconds

    def record(self, **found: Any) -> None:
        """Put into the account what was found after training, as JSON has it."""
        self._at.recorded |= found

    def warn(self, words: str) -> None:
        """Put into the account what ends no run, but what a person should know of."""
        self._at.warnings.append(words[: accounts.MAX_WARNING])

    def steps(
        self,
        loader: Iterable[T],
        *,
        samples: int | Callable[[T], int] | None = None,
        before: Callable[[bool], bool] | None = None,
    ) -> Iterator[T]:
        """Yield the batches of a loader, each as one step.

        `samples`: how many a batch has; by default the length of its first array. The wait for
        a batch is data wait, what the loop does with it is the step. A step that `break` or an
        error cuts short counts only if it has told its loss, and up to there. `before` is asked
        before each batch, in no count: given whether the run was told to stop, it answers whether
        the loop ends.
        """
        sized = sizes.of if samples is None else samples
        asked = self._clock()
        batches = iter(loader)
        while not self._stop(before):
            if before is not None:
                asked = self._clock()
            try:
                batch = next(batches)
            except StopIteration:
                self.check_loss()
                return
            self._logged_at = None
            got = self._clock()
            held = sized(batch) if callable(sized) else sized
            try:
                yield batch
            except GeneratorExit:
                if self._logged_at is not None:
                    self.count(self._logged_at - got, got - asked, held)
                raise
            done = self._clock()
            self.count(done - got, got - asked, held)
            asked = done

    def log(self, *, loss: Any = None, learning_rate: float | None = None) -> None:
        """Tell the loss, as a float or as anything that `float` takes, and the learning rate."""
        if loss is not None:
            self._at.loss = loss.detach() if hasattr(loss, "detach") else loss
            self._logged_at = self._clock()
        if learning_rate is not None:
            self._at.rate = learning_rate

    def evaluate(self, *, loss: float | None = None, **values: float) -> None:
        """Tell evaluation metrics, such as accuracy; the last ones are the run's result."""
        known = self._at.evaluated
        for name, value in values.items():
            fits = name in known or len(known) < accounts.MAX_METRICS
            if fits and len(name) <= LONGEST_NAME:
                known[name] = float(value)
            else:
                self._at.dropped += 1
        if loss is not None:
            self._at.held_out_loss = float(loss)

    def count(self, step: float, wait: float, samples: int) -> None:
        """Count a step that was not taken by `steps`, such as a library's own; seconds."""
        counts = self._at.counts
        counts.add(step=step, wait=wait, samples=samples)
        if counts.steps == 1:
            counts.first_step_time, counts.first_step_seconds = time.time(), step + wait
            if self._pusher is not None:
                self._pusher.now()
        if counts.steps == 1 or counts.steps % CHECK_STEPS == 0:
            self.check_loss()
        if self._bar is not None:
            self._bar.update(self._at.shown, self._at.share())

    def check_loss(self) -> None:
        """Raise NonFiniteLoss where the last loss is NaN or infinite; waits for its device."""
        if self._at.loss is None:
            return
        if not math.isfinite(float(self._at.loss)):  # what float refuses, the script learns at once
            raise errors.NonFiniteLoss(self.step)

    def _stop(self, before: Callable[[bool], bool] | None = None) -> bool:
        """Return whether a loop ends here, which cuts the run short unless all steps are done."""
        ends = self._told if before is None else before(self._told)
        if ends and not self._at.done:
            self._cut_short = True
        return ends

    def _leave_account(self, error: BaseException | None) -> None:
        if not self._known.account_file:
            return
        document = {"account": self._account(error), "progress": self._at.progress()}
        try:
            accounts.write(self._known.account_file, accounts.compact(document))
        except OSError as problem:
            print(f"trainshed: no account: {problem}", file=sys.stderr)  # noqa: T201

    def _account(self, error: BaseException | None) -> accounts.Account:
        account = {
            **self._at.account(),
            "outcome": self._outcome(error),
            "rank": self._known.rank,
            "energyJoules": self._gpus.joules(),
        }
        if isinstance(error, errors.TrainerError):
            account |= error.account()
        return account

    def _outcome(self, error: BaseException | None) -> str:
        if isinstance(error, SystemExit) and error.code in (None, errors.EXIT_DONE):
            error = None
        if isinstance(error, SystemExit) and error.code == errors.EXIT_STOPPED:
            return "stopped"
        if error is not None:
            return "failed"
        return "stopped" if self._cut_short else "succeeded"

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._told = True
        outer = getattr(self._handler, "__self__", None)
        if isinstance(outer, Run):
            self._handler(number, frame)
