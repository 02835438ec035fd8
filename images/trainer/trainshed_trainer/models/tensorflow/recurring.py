"""Recurrent layers: Keras' own with cuDNN on a GPU, unrolled on a CPU.

Keras' loop on a CPU runs each frame's operations by a while loop, and multiplies each frame by
itself. Here the frames' products are one, and nothing but the recurrence is a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from trainshed_trainer.models.tensorflow import blocks

LONGEST_UNROLLED = 64
"""Frames: a graph grows with each, and so does the time to make it."""
Tensor = Any
Step = Callable[[Tensor, list[Tensor]], list[Tensor]]


def layers(inputs: Tensor, *, cell: str, hidden: int, count: int, dropout: float) -> Tensor:
    """Return the last output (n, hidden) of recurrent layers on (n, frames, features)."""
    for number in range(count):
        last = number == count - 1
        inputs = CELLS[cell](hidden, return_sequences=not last)(inputs)
        inputs = inputs if last else blocks.dropped(inputs, dropout)
    return inputs


def portable(model: keras.Model) -> None:
    """Let a model's graphs need no cuDNN from now on: where they are read there may be no GPU."""
    for layer in model.layers:
        if isinstance(layer, _Unrolled):
            layer.use_cudnn = False


class _Unrolled:
    """What an unrolled layer does in place of Keras' loop; each class has a step of its own."""

    use_cudnn: bool | str = "auto"
    """Keras' word: whether it may, where there is a GPU. A plain layer has it for us alone."""

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Return the last output, all outputs and the last state."""
        frames = sequences.shape[1]
        on_gpu = self.use_cudnn and tf.config.list_logical_devices("GPU")
        if mask is not None or on_gpu or not frames or frames > LONGEST_UNROLLED:
            return super().inner_loop(sequences, initial_state, mask, training)  # type: ignore[misc]
        state, outputs = list(initial_state), []
        step = self.step()  # type: ignore[attr-defined]
        for projected in tf.unstack(self._projected(sequences), axis=0):
            state = step(projected, state)
            outputs.append(state[0])
        # In a graph, what nobody asks for is not computed.
        return state[0], tf.stack(outputs, axis=1), state

    def _projected(self, sequences: Tensor) -> Tensor:
        """Return all frames by the input kernel: (frames, n, gates * hidden)."""
        cell = self.cell  # type: ignore[attr-defined]
        _, frames, features = sequences.shape
        rows = tf.reshape(tf.transpose(sequences, (1, 0, 2)), (-1, features))
        kernel = tf.cast(cell.kernel.value, rows.dtype)
        bias = tf.reshape(cell.bias.value, (-1, kernel.shape[1]))[0]
        found = tf.nn.bias_add(tf.matmul(rows, kernel), tf.cast(bias, rows.dtype))
        return tf.reshape(found, (frames, -1, kernel.shape[1]))


class Lstm(_Unrolled, keras.layers.LSTM):  # type: ignore[misc]
    """Long short-term memory."""

    def step(self) -> Step:
        """Return what one frame does to the output and the memory."""
        kernel = tf.cast(self.cell.recurrent_kernel.value, self.compute_dtype)
        hidden = self.units

        def step(projected: Tensor, state: list[Tensor]) -> list[Tensor]:
            output, memory = state
            gates = projected + tf.matmul(output, kernel)
            entered, kept, new, shown = tf.split(gates, [hidden] * 4, axis=1)
            memory = tf.sigmoid(kept) * memory + tf.sigmoid(entered) * tf.tanh(new)
            return [tf.sigmoid(shown) * tf.tanh(memory), memory]

        return step


class Gru(_Unrolled, keras.layers.GRU):  # type: ignore[misc]
    """Gated recurrent unit, with the reset after the product, as PyTorch and cuDNN have it."""

    def step(self) -> Step:
        """Return what one frame does to the output."""
        kernel = tf.cast(self.cell.recurrent_kernel.value, self.compute_dtype)
        # PyTorch has it too, at 0: one bias is enough to learn.
        bias = tf.stop_gradient(tf.cast(self.cell.bias.value[1], self.compute_dtype))
        hidden = self.units

        def step(projected: Tensor, state: list[Tensor]) -> list[Tensor]:
            (output,) = state
            recurrent = tf.nn.bias_add(tf.matmul(output, kernel), bias)
            gates = tf.sigmoid(projected[:, : 2 * hidden] + recurrent[:, : 2 * hidden])
            kept, reset = gates[:, :hidden], gates[:, hidden:]
            new = tf.tanh(projected[:, 2 * hidden :] + reset * recurrent[:, 2 * hidden :])
            return [new + kept * (output - new)]

        return step


class Rnn(_Unrolled, keras.layers.SimpleRNN):  # type: ignore[misc]
    """The plain recurrent layer, with tanh."""

    def step(self) -> Step:
        """Return what one frame does to the output."""
        kernel = tf.cast(self.cell.recurrent_kernel.value, self.compute_dtype)

        def step(projected: Tensor, state: list[Tensor]) -> list[Tensor]:
            return [tf.tanh(projected + tf.matmul(state[0], kernel))]

        return step


CELLS: Mapping[str, Callable[..., Any]] = {"lstm": Lstm, "gru": Gru, "rnn": Rnn}
