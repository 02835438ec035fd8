"""The optimisers, by one fused kernel a variable: Keras' own pass over the memory ten times.

They compute what PyTorch's of the same name do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from trainshed_trainer import schema

FIRST_DECAY = 0.9
SECOND_DECAY = 0.999
EPSILON = 1e-8
RMS_DECAY = 0.9
RMS_EPSILON = 1e-7
FIRST_SCALE = 2.0**15
LEAST_SCALE = 2.0**-15
SCALE_STEPS = 2000
"""Finite steps after which float16's scale is doubled."""
Tensor = Any


class Updater:
    """Changes variables by their gradients, scaled and clipped where that is asked for."""

    def __init__(
        self,
        asked: schema.Optimizer,
        variables: Sequence[tf.Variable],
        *,
        scaling: bool,
        scale_steps: int = SCALE_STEPS,
    ) -> None:
        self._asked = asked
        self._scale_steps = scale_steps
        self._rule = RULES[asked.name](asked, variables)
        self._steps = tf.Variable(0, dtype=tf.int64, name="steps")
        # The gradients of float16 would become 0 where they are small.
        self._scale = tf.Variable(FIRST_SCALE, name="scale") if scaling else None
        self._finite_steps = tf.Variable(0, dtype=tf.int64, name="finite_steps")

    @property
    def state(self) -> list[tf.Variable]:
        """Return all that the next step hangs on, but for the weights."""
        scaling = [self._scale, self._finite_steps] if self._scale is not None else []
        return [self._steps, *scaling, *self._rule.slots]

    def scaled(self, loss: Tensor) -> Tensor:
        """Return a loss whose gradients are what `apply` takes."""
        return loss if self._scale is None else loss * self._scale

    def sound(self, gradients: Sequence[Tensor]) -> Tensor:
        """Return whether there is something to learn from gradients, the first of them foremost.

        TensorFlow's pooling takes NaN for the least of numbers, and so hides it from the loss.
        """
        if self._scale is None:
            return tf.math.is_finite(tf.reduce_sum(gradients[0]))
        return self._scale >= LEAST_SCALE

    def apply(self, gradients: Sequence[Tensor], rate: Tensor) -> None:
        """Change the variables."""
        if self._scale is None:
            self._update(gradients, rate)
            return
        down = 1.0 / self._scale
        gradients = [gradient * down for gradient in gradients]
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(each)) for each in gradients])
        tf.cond(finite, lambda: self._good(gradients, rate), lambda: self._bad())

    def _update(self, gradients: Sequence[Tensor], rate: Tensor) -> None:
        if self._asked.clip_norm is not None:
            norm = tf.linalg.global_norm(gradients)
            share = tf.minimum(1.0, self._asked.clip_norm / (norm + 1e-6))
            gradients = [gradient * share for gradient in gradients]
        steps = tf.cast(self._steps.assign_add(1), tf.float32)
        self._rule.apply(gradients, rate, steps)

    def _good(self, gradients: Sequence[Tensor], rate: Tensor) -> Tensor:
        """Update, and try a larger scale now and then."""
        self._update(gradients, rate)
        assert self._scale is not None
        grown = self._finite_steps.assign_add(1) >= self._scale_steps
        self._scale.assign(tf.where(grown, self._scale * 2.0, self._scale))
        return self._finite_steps.assign(
            tf.where(grown, tf.zeros_like(self._finite_steps), self._finite_steps)
        )

    def _bad(self) -> Tensor:
        """Leave the variables as they are, and halve the scale."""
        assert self._scale is not None
        self._scale.assign(self._scale * 0.5)
        return self._finite_steps.assign(0)


class Adam:
    """Adam. The decay is part of the gradient, or taken off the weights (adamw)."""

    def __init__(
        self, asked: schema.Optimizer, variables: Sequence[tf.Variable], *, decoupled: bool = False
    ) -> None:
        self._decay = asked.weight_decay
        self._decoupled = decoupled
        self._variables = variables
        self._first = _slots(variables)
        self._second = _slots(variables)
        self.slots = [*self._first, *self._second]

    def apply(self, gradients: Sequence[Tensor], rate: Tensor, steps: Tensor) -> None:
        """Change the variables in the step of this number, from 1."""
        powers = FIRST_DECAY**steps, SECOND_DECAY**steps
        # The kernel adds epsilon before it corrects the second moment, PyTorch after.
        epsilon = EPSILON * tf.sqrt(1.0 - powers[1])
        each = zip(self._variables, self._first, self._second, gradients, strict=True)
        for variable, first, second, gradient in each:
            if self._decay and self._decoupled:
                variable.assign_sub(variable * (rate * self._decay))
            elif self._decay:
                gradient += variable * self._decay
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rate,
                beta1=FIRST_DECAY,
                beta2=SECOND_DECAY,
                epsilon=epsilon,
                grad=gradient,
            )


class AdamW(Adam):
    """Adam with decoupled decay."""

    def __init__(self, asked: schema.Optimizer, variables: Sequence[tf.Variable]) -> None:
        super().__init__(asked, variables, decoupled=True)


class Sgd:
    """Gradient descent with momentum."""

    def __init__(self, asked: schema.Optimizer, variables: Sequence[tf.Variable]) -> None:
        self._asked = asked
        self._variables = variables
        self.slots = _slots(variables) if asked.momentum else []

    def apply(self, gradients: Sequence[Tensor], rate: Tensor, steps: Tensor) -> None:
        """Change the variables."""
        for number, (variable, gradient) in enumerate(zip(self._variables, gradients, strict=True)):
            if self._asked.weight_decay:
                gradient += variable * self._asked.weight_decay
            if self.slots:
                tf.raw_ops.ResourceApplyMomentum(
                    var=variable.handle,
                    accum=self.slots[number].handle,
                    lr=rate,
                    grad=gradient,
                    momentum=self._asked.momentum,
                )
            else:
                tf.raw_ops.ResourceApplyGradientDescent(
                    var=variable.handle, alpha=rate, delta=gradient
                )


class RmsProp:
    """RMSprop with momentum. No kernel has the rate outside of what the momentum is of."""

    def __init__(self, asked: schema.Optimizer, variables: Sequence[tf.Variable]) -> None:
        self._asked = asked
        self._variables = variables
        self._squares = _slots(variables)
        self._moved = _slots(variables)
        self.slots = [*self._squares, *self._moved]

    def apply(self, gradients: Sequence[Tensor], rate: Tensor, steps: Tensor) -> None:
        """Change the variables."""
        each = zip(self._variables, self._squares, self._moved, gradients, strict=True)
        for variable, squares, moved, gradient in each:
            if self._asked.weight_decay:
                gradient += variable * self._asked.weight_decay
            square = squares.assign(RMS_DECAY * squares + (1.0 - RMS_DECAY) * tf.square(gradient))
            step = gradient / (tf.sqrt(square) + RMS_EPSILON)
            variable.assign_sub(rate * moved.assign(self._asked.momentum * moved + step))


RULES: Mapping[str, Callable[[schema.Optimizer, Sequence[tf.Variable]], Any]] = {
    "adamw": AdamW,
    "adam": Adam,
    "sgd": Sgd,
    "rmsprop": RmsProp,
}


def _slots(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    return [tf.Variable(tf.zeros_like(each), trainable=False) for each in variables]
