"""Self-attention, and what it is told of places.

Keras' own attention would start with other weights than PyTorch's linear layers.
"""

from __future__ import annotations

from typing import Any

import keras

from trainshed_trainer.models.tensorflow import blocks

PLACES_DEVIATION = 0.02


class Places(keras.layers.Layer):  # type: ignore[misc]
    """Adds what is learnt of each place: attention alone tells no place from another."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        start = keras.initializers.RandomNormal(stddev=PLACES_DEVIATION)
        self.places = self.add_weight(shape=shape[1:], initializer=start, name="places")

    def call(self, inputs: Any) -> Any:
        """Return (n, positions, channels)."""
        return inputs + self.places


class SelfAttention(keras.layers.Layer):  # type: ignore[misc]
    """Multi-head self-attention of (n, positions, channels); `heads` divide the channels."""

    def __init__(self, channels: int, *, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels
        self.heads = heads
        self.mixed = blocks.linear(3 * channels)
        self.joined = blocks.linear(channels)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        self.mixed.build(shape)
        self.joined.build(shape)

    def call(self, inputs: Any) -> Any:
        """Return for each position a mixture of all."""
        positions = inputs.shape[1]
        width = self.channels // self.heads
        parts = keras.ops.reshape(self.mixed(inputs), (-1, positions, 3, self.heads, width))
        queries, keys, values = keras.ops.unstack(keras.ops.transpose(parts, (2, 0, 3, 1, 4)), 3)
        alike = keras.ops.matmul(queries * width**-0.5, keras.ops.swapaxes(keys, -1, -2))
        found = keras.ops.matmul(keras.ops.softmax(alike, axis=-1), values)
        found = keras.ops.reshape(
            keras.ops.transpose(found, (0, 2, 1, 3)), (-1, positions, self.channels)
        )
        return self.joined(found)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape, which stays."""
        return shape

    def get_config(self) -> dict[str, Any]:
        """Return what makes such a layer again."""
        return {**super().get_config(), "channels": self.channels, "heads": self.heads}
