"""`lstm`: recurrent layers on the pixels of each frame; the last output tells the class."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.tensorflow import blocks, recurring


def build(params: schema.LstmParams, shape: Sequence[int], classes: int) -> keras.Model:
    """Return the model for clips (n, frames, height, width, channels): logits (n, classes)."""
    frames, depth, height, width = shapes.clip("lstm", shape)
    inputs = keras.Input((frames, height, width, depth))
    output = recurring.layers(
        keras.layers.Reshape((frames, height * width * depth))(inputs),
        cell=params.cell,
        hidden=params.hidden,
        count=params.layers,
        dropout=params.dropout,
    )
    outputs = blocks.logits(blocks.dropped(output, params.dropout), classes)
    return blocks.model(inputs, outputs, name="lstm")
