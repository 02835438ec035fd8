"""Optimisers and losses in TensorFlow: they compute what PyTorch's of the same name do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from images.trainer.tests import formulas
from trainshed_trainer import schema

pytestmark = pytest.mark.tensorflow

RATE, DECAY = 0.1, 0.01
GRADIENTS = (0.5, -2.0, 0.25)


def updater(
    values: Any, *, scaling: bool = False, scale_steps: int = 2000, **optimizer: Any
) -> tuple[Any, Any]:
    import tensorflow as tf

    from trainshed_trainer.training.tensorflow import optimizers

    asked = schema.read({"training": {"optimizer": {"weightDecay": DECAY, **optimizer}}})
    variable = tf.Variable(values, dtype=tf.float32)
    return variable, optimizers.Updater(
        asked.training.optimizer, [variable], scaling=scaling, scale_steps=scale_steps
    )


def moved(name: str, **optimizer: Any) -> float:
    """Return what becomes of 1.0."""
    import tensorflow as tf

    variable, update = updater(1.0, name=name, **optimizer)
    for gradient in GRADIENTS:
        update.apply([tf.constant(gradient)], tf.constant(RATE))
    return float(variable)


def adam(*, decoupled: bool) -> float:
    """Return what becomes of 1.0 as the paper and PyTorch have it."""
    weight, first, second = 1.0, 0.0, 0.0
    for step, given in enumerate(GRADIENTS, start=1):
        gradient = given if decoupled else given + DECAY * weight
        weight *= 1 - RATE * DECAY if decoupled else 1
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = (second / (1 - 0.999**step)) ** 0.5 + 1e-8
        weight -= RATE * first / (1 - 0.9**step) / root
    return weight


def sgd(*, momentum: float) -> float:
    weight, kept = 1.0, 0.0
    for gradient in GRADIENTS:
        kept = momentum * kept + gradient + DECAY * weight
        weight -= RATE * kept
    return weight


def rmsprop(*, momentum: float) -> float:
    weight, square, kept = 1.0, 0.0, 0.0
    for given in GRADIENTS:
        gradient = given + DECAY * weight
        square = 0.9 * square + 0.1 * gradient**2
        kept = momentum * kept + gradient / (square**0.5 + 1e-7)
        weight -= RATE * kept
    return weight


def test_each_optimiser_follows_its_formula() -> None:
    assert moved("adamw") == pytest.approx(adam(decoupled=True), abs=1e-6)
    assert moved("adam") == pytest.approx(adam(decoupled=False), abs=1e-6)
    assert moved("sgd") == pytest.approx(sgd(momentum=0.9), abs=1e-6)
    assert moved("sgd", momentum=0) == pytest.approx(sgd(momentum=0), abs=1e-6)
    assert moved("rmsprop", momentum=0.5) == pytest.approx(rmsprop(momentum=0.5), abs=1e-6)


def test_clipping_keeps_the_direction_and_bounds_the_length() -> None:
    import tensorflow as tf

    variable, update = updater([0.0, 0.0], name="sgd", momentum=0, clipNorm=1.0)
    update.apply([tf.constant([30.0, 40.0])], tf.constant(1.0))

    assert variable.numpy() == pytest.approx([-0.6, -0.8], abs=1e-5)


def test_a_step_whose_gradients_are_infinite_is_left_out_and_the_scale_halved() -> None:
    import tensorflow as tf

    variable, update = updater(1.0, name="sgd", momentum=0, weightDecay=0, scaling=True)
    scale = float(update.scaled(tf.constant(1.0)))

    update.apply([tf.constant(np.inf)], tf.constant(1.0))
    assert (float(variable), float(update.scaled(tf.constant(1.0)))) == (1.0, scale / 2)

    update.apply([tf.constant(scale / 4)], tf.constant(1.0))
    assert float(variable) == pytest.approx(0.5)


def test_the_scale_grows_after_many_finite_steps() -> None:
    import tensorflow as tf

    from trainshed_trainer.training.tensorflow import optimizers

    _, update = updater(1.0, name="sgd", scaling=True, scale_steps=2)
    scales = []
    for _ in range(4):
        update.apply([tf.constant(0.0)], tf.constant(1.0))
        scales.append(float(update.scaled(tf.constant(1.0))) / optimizers.FIRST_SCALE)

    assert scales == [1, 2, 2, 4]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [0.5, 3.0, 1.0]], ids=str)
@pytest.mark.parametrize("gamma", [None, 0.0, 2.0])
def test_each_loss_follows_its_formula(smoothing: float, weights: Any, gamma: float | None) -> None:
    from trainshed_trainer.training.tensorflow import losses

    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    given = None if weights is None else np.array(weights, np.float32)
    loss = losses.build(smoothing, weights=given, gamma=gamma)

    found = loss(logits, np.ones(5, np.int64)).numpy()

    wanted = formulas.loss(logits, smoothing=smoothing, weights=weights, gamma=gamma)
    assert found == pytest.approx(wanted, abs=1e-5)
