"""The numbers that a model is fed with, as both frameworks' images must have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainshed_trainer import schema
from trainshed_trainer.data import preparing

pytestmark = pytest.mark.numpy
TOLERANCE = 1e-5
ALL = ["hflip", "vflip", "crop", "rotate", "noise"]
CASES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "digits": (
        {"name": "digits"},
        [
            -0.085204,
            0.895280,
            -0.812218,
            -0.812218,
            -0.812218,
            -0.479869,
            -0.646044,
            -0.812218,
            0.012164,
            1.028239,
            -0.812218,
            1.348054,
            0.351005,
            -0.147519,
            -0.812218,
            0.184830,
        ],
    ),
    "digits at another size": (
        {"name": "digits", "preprocess": {"resize": [11, 5]}},
        [
            -0.110437,
            0.862936,
            -1.051930,
            0.432909,
            0.626804,
            -1.051930,
            -0.808926,
            -1.051930,
            0.015647,
            1.042527,
            -1.051930,
            -1.051930,
            -1.051930,
            -1.051930,
            -1.051930,
            -1.051930,
        ],
    ),
    "digits augmented": (
        {"name": "digits", "preprocess": {"augment": ALL}},
        [
            -0.057993,
            0.811247,
            -0.812218,
            0.469498,
            -0.233838,
            -0.812218,
            1.402298,
            -0.812218,
            0.012164,
            1.028239,
            -0.812218,
            1.348054,
            0.351005,
            -0.147519,
            -0.812218,
            0.184830,
        ],
    ),
    "clips": (
        {"name": "moving-digits", "samples": 64},
        [
            -0.096919,
            0.953202,
            -0.720506,
            0.338521,
            2.171546,
            -0.622097,
            -1.022857,
            -1.347790,
            -0.030573,
            1.043762,
            0.033979,
            -1.001723,
            -0.443855,
            0.133609,
            0.307819,
            -0.000245,
        ],
    ),
    "clips augmented": (
        {
            "name": "moving-digits",
            "samples": 64,
            "label": "digit",
            "preprocess": {"resize": [20, 24], "frames": 6, "stride": 2, "augment": ALL},
        },
        [
            -0.049048,
            0.950320,
            0.060661,
            -1.492395,
            -0.579256,
            -0.971260,
            -1.158744,
            0.173007,
            -0.037086,
            0.912030,
            -0.769011,
            -0.056983,
            -0.602456,
            -0.095531,
            -0.949133,
            -0.315512,
        ],
    ),
}


def summary(inputs: np.ndarray) -> list[float]:
    """Return the mean, the deviation, and some of the values."""
    some = inputs.ravel()[:: max(1, inputs.size // 7)][:6]
    return [float(value) for value in (inputs.mean(dtype=float), inputs.std(dtype=float), *some)]


@pytest.mark.parametrize("name", CASES)
def test_inputs_are_these_numbers(name: str) -> None:
    asked, expected = CASES[name]
    data = preparing.prepare(schema.read({"data": asked}).data)

    train = data.train.batch(np.array([0, 3, 40]), epoch=2)
    held = data.held.batch(np.array([0, 9]), epoch=2)

    found = summary(train) + summary(held)
    assert found == pytest.approx(expected, abs=TOLERANCE)
