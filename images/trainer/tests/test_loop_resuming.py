"""Runs that are ended in the middle go on as if they had not been."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

import pytest

from images.trainer.tests import datasets, fakes
from trainshed_trainer import context, errors, schema
from trainshed_trainer.training import checkpoints, loop
from trainshed_trainer.training.checkpoints import stores

SPEC: dict[str, dict[str, Any]] = {
    "training": {"batchSize": 4, "optimizer": {"schedule": "cosine"}},
    "checkpoint": {"everySeconds": 5},
}


class Attempt:
    """One attempt of a run of 10 samples, whose clock has a second for each time it is asked."""

    def __init__(
        self,
        job: context.Context,
        place: pathlib.Path,
        on_step: Callable[[int], None] | None = None,
        *,
        epochs: int = 10,
        **checkpoint: Any,
    ) -> None:
        training = {**SPEC["training"], "epochs": epochs}
        asked = {**SPEC["checkpoint"], **checkpoint}
        self.spec = schema.read({"training": training, "checkpoint": asked})
        self.backend = fakes.FakeBackend(size=4, on_step=on_step)
        self.job, self.place = job, place

    def run(self) -> Any:
        ticks = itertools.count()
        assert self.spec.checkpoint is not None
        identity = checkpoints.identify(self.spec, datasets.images(samples=16))
        keeper = checkpoints.Keeper(
            stores.Folder(str(self.place)),
            self.spec.checkpoint,
            identity,
            clock=lambda: float(next(ticks)),
        )
        loop.train(self.spec.training, self.backend, samples=10, keeper=keeper, known=self.job)
        return self.account()

    def account(self) -> Any:
        return json.loads(pathlib.Path(self.job.account_file).read_text())["account"]


def at(step: int, do: Callable[[], None]) -> Callable[[int], None]:
    return lambda number: do() if number == step else None


def tell() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail() -> None:
    raise RuntimeError("power cut")


@pytest.mark.parametrize("step", [1, 7, 12, 15, 29])
def test_told_to_stop_and_started_again_it_ends_as_if_it_had_not_been(
    job: context.Context, tmp_path: pathlib.Path, step: int
) -> None:
    whole = Attempt(job, tmp_path / "whole")
    straight = whole.run()
    first = Attempt(job, tmp_path / "parts", at(step, tell))
    with pytest.raises(SystemExit):
        first.run()
    stopped = first.account()
    second = Attempt(job, tmp_path / "parts")

    ended = second.run()

    assert stopped["checkpoint"] == {"lastStep": step, "resumedFromStep": 0}
    assert ended["checkpoint"] == {"lastStep": 30, "resumedFromStep": step}
    assert first.backend.steps + second.backend.steps == whole.backend.steps
    assert first.backend.rates + second.backend.rates == whole.backend.rates
    assert second.backend.weight == whole.backend.weight
    assert [ended[name] for name in ("loss", "steps")] == [straight["loss"], 30]


def test_after_a_crash_it_goes_on_from_the_last_checkpoint(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    whole = Attempt(job, tmp_path / "whole")
    whole.run()
    first = Attempt(job, tmp_path / "parts", at(17, fail))
    with pytest.raises(RuntimeError, match="power cut"):
        first.run()
    kept = first.account()["checkpoint"]["lastStep"]
    second = Attempt(job, tmp_path / "parts")

    ended = second.run()

    assert 0 < kept < 17
    assert ended["checkpoint"] == {"lastStep": 30, "resumedFromStep": kept}
    assert second.backend.steps == whole.backend.steps[kept:]
    assert second.backend.weight == whole.backend.weight


def test_a_run_that_was_done_does_nothing_more_but_evaluate(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    done = Attempt(job, tmp_path).run()
    again = Attempt(job, tmp_path)

    account = again.run()

    assert (again.backend.steps, again.backend.evaluations) == ([], 1)
    assert (account["outcome"], account["steps"]) == ("succeeded", 30)
    assert account["loss"] == done["loss"]


def test_a_finished_run_is_made_longer(job: context.Context, tmp_path: pathlib.Path) -> None:
    Attempt(job, tmp_path, epochs=5).run()
    longer = Attempt(job, tmp_path, epochs=10)

    account = longer.run()

    assert (len(longer.backend.steps), account["steps"]) == (15, 30)


def test_a_run_that_is_to_be_shorter_than_it_was_is_refused(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    Attempt(job, tmp_path, epochs=10).run()
    shorter = Attempt(job, tmp_path, epochs=5)

    with pytest.raises(errors.CheckpointError, match="step 30, and the run ends at step 15") as hit:
        shorter.run()

    assert hit.value.reason == shorter.account()["reason"] == "CheckpointMismatch"
    assert "raise training.epochs or training.maxSteps, or set checkpoint.resume" in str(hit.value)


def test_a_run_from_another_ones_weights_begins_at_the_first_step(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    other = Attempt(job, tmp_path / "one")
    other.run()
    second = Attempt(job, tmp_path / "two", **{"from": str(tmp_path / "one")})
    begun: list[float] = []
    second.backend.on_step = lambda step: begun.append(second.backend.weight)

    account = second.run()

    assert account["checkpoint"] == {"lastStep": 30, "resumedFromStep": 0}
    assert len(begun) == 30
    assert begun[0] != other.backend.weight


def test_a_loss_that_is_no_number_is_never_kept(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    attempt = Attempt(job, tmp_path)

    def diverge(step: int) -> None:
        if step == 3:
            attempt.backend.weight = float("nan")

    attempt.backend.on_step = diverge
    with pytest.raises(errors.NonFiniteLoss):
        attempt.run()

    assert list(tmp_path.iterdir()) == [] or "step-00000003" not in str(list(tmp_path.iterdir()))


def test_a_state_that_does_not_fit_is_the_users_to_mend(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    Attempt(job, tmp_path).run()
    again = Attempt(job, tmp_path)

    def refuse(state: Any) -> None:
        raise ValueError("wrong shape")

    again.backend.restore = refuse  # type: ignore[method-assign]
    with pytest.raises(errors.CheckpointError, match="wrong shape"):
        again.run()

    assert again.account()["reason"] == "CheckpointMismatch"


def test_a_process_that_does_not_write_gives_its_part_where_one_is_due(
    job: context.Context, tmp_path: pathlib.Path
) -> None:
    asked = schema.read({"training": {**SPEC["training"], "epochs": 1}, "checkpoint": {}})
    assert asked.checkpoint is not None
    identity = checkpoints.identify(asked, datasets.images(samples=16))
    store = stores.Folder(str(tmp_path / "kept"))
    keeper = checkpoints.Keeper(store, asked.checkpoint, identity, writes=False)
    backend = fakes.FakeBackend(size=4)
    given: list[int] = []
    backend.stops = lambda told, *, due: (told, len(backend.steps) == 2)  # type: ignore[method-assign]
    backend.state = lambda: given.append(len(backend.steps)) or {}  # type: ignore[func-returns-value, method-assign]

    loop.train(asked.training, backend, samples=10, keeper=keeper, known=job)

    assert given == [2, 3]
    assert store.steps() == []
