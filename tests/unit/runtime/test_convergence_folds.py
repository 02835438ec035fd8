"""Whatever happens in whatever order, each fold is trained once and counted once."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders
from tests.unit.runtime import fates, plays

FOLDS = 3


def asked(parallelism: int) -> builders.TrainingJobBuilder:
    """Return a cross-validation of so many folds at a time."""
    return builders.training_job().cnn().folds(FOLDS, parallelism=parallelism)


def told_right(play: plays.Play, numbers: Iterable[int]) -> None:
    """Assert that these folds are in the status, each once, with their mean and deviation."""
    found = play.world.status()["crossValidation"]
    rows = [fates.accuracy(number) for number in numbers]

    assert [each["fold"] for each in found["folds"]] == list(numbers)
    accuracies = [each["metrics"]["accuracy"] for each in found["folds"]]
    assert accuracies == pytest.approx(rows, abs=1e-6)
    assert found["mean"]["accuracy"] == pytest.approx(statistics.fmean(rows), abs=1e-6)
    assert found["std"]["accuracy"] == pytest.approx(statistics.stdev(rows), abs=2e-6)


@plays.settings
@hypothesis.given(
    tape=plays.TAPES,
    parallelism=strategies.integers(1, FOLDS),
    silent=strategies.booleans(),
    index=strategies.integers(0, FOLDS - 1),
)
def test_folds_that_go_well_are_all_counted_once(
    tape: list[int], parallelism: int, silent: bool, index: int
) -> None:
    async def work() -> None:
        fate = fates.Fate(index=index, account=not silent)
        play = plays.Play(plays.Script(tape), fate=fate)
        uid = play.world.apply(asked(parallelism))

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.children == {uid: 1}
        assert not play.world.services
        told_right(play, [each for each in range(FOLDS) if each != index or not silent])
        await plays.writes_nothing(play)
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(
    tape=plays.TAPES,
    parallelism=strategies.integers(1, FOLDS),
    fate=strategies.sampled_from([name for name, each in plays.FATES.items() if not each.good]),
    index=strategies.integers(0, FOLDS - 1),
)
def test_a_fold_that_ends_badly_ends_the_job_and_is_named(
    tape: list[int], parallelism: int, fate: str, index: int
) -> None:
    async def work() -> None:
        bad = dataclasses.replace(plays.FATES[fate], index=index)
        play = plays.Play(plays.Script(tape), fate=bad)
        uid = play.world.apply(asked(parallelism))

        await play.run()

        status = play.world.status()
        assert status["phase"] == "Failed"
        assert play.world.children == {uid: 1}
        assert f"fold {index}: " in status["failure"]["message"]
        if fate in ("fails", "is evicted"):
            assert status["failure"]["fold"] == index
            assert "rank" not in status["failure"]
        await plays.writes_nothing(play)
        await play.close()

    plays.played(work)


@plays.settings
@hypothesis.given(tape=plays.TAPES, parallelism=strategies.integers(1, FOLDS))
def test_folds_that_go_well_take_few_writes(tape: list[int], parallelism: int) -> None:
    async def work() -> None:
        play = plays.Play(plays.Script(tape, kills=False), fate=plays.GOOD)
        play.world.apply(asked(parallelism))

        await play.run()

        assert play.world.status()["phase"] == "Succeeded"
        assert play.world.writes.total() <= 16 + 2 * FOLDS
        await play.close()

    plays.played(work)
