"""What pairs of measurements tell."""

from __future__ import annotations

import pytest

from tests.benches import figures
from tests.train import __main__ as bench
from tests.train import cases, ratios


def test_the_median_is_of_each_pairs_ratio() -> None:
    assert ratios.median([(1.0, 2.0), (10.0, 10.0), (100.0, 150.0)]) == pytest.approx(1.5)


def test_the_bound_is_never_above_the_median_and_the_same_each_time() -> None:
    pairs = [(1.0, 1.0 + 0.1 * number) for number in range(5)]

    assert ratios.low(pairs) == ratios.low(pairs) <= ratios.median(pairs)


def test_pairs_that_agree_have_a_bound_of_their_own() -> None:
    assert ratios.low([(2.0, 3.0)] * 5) == pytest.approx(1.5)


def test_a_figure_below_its_least_is_outside() -> None:
    found = figures.outside({"ratio": 0.9}, {"ratio": {"min": 1.0}}, whole=("ratio", "other"))

    assert found == ["other was not measured", "ratio is 0.900, at least 1.0 is allowed"]


def test_feeding_is_told_beside_each_plain_script_by_what_a_cpu_does_in_a_second() -> None:
    def fed(**speeds: float) -> dict[str, dict[str, float]]:
        return {name: {"samples_per_cpu_second": speed} for name, speed in speeds.items()}

    rounds = [fed(plain=4.0, antialias=2.0, ours=3.0), fed(plain=40.0, antialias=20.0, ours=30.0)]

    found = bench.figures_of({"tensorflow": {"feeding": {"small": rounds}}})

    assert found == {
        "feed_ratio_tensorflow_small_plain": pytest.approx(0.75),
        "feed_ratio_tensorflow_small_antialias": pytest.approx(1.5),
        "feed_samples_per_cpu_second_tensorflow_small": pytest.approx(16.5),
    }


def test_each_range_is_of_a_figure_that_a_whole_run_finds() -> None:
    assert set(figures.ranges("train")) <= bench.NAMES
    assert all(beside["plain"] == () for beside in cases.FED_BESIDE.values())
