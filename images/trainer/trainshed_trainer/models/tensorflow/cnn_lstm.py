"""`cnn-lstm`: an encoder of convolutions for each frame, then recurrent layers over the clip."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.tensorflow import blocks, recurring


def build(params: schema.CnnLstmParams, shape: Sequence[int], classes: int) -> keras.Model:
    """Return the model for clips (n, frames, height, width, channels): logits (n, classes)."""
    frames, depth, height, width = shapes.clip("cnn-lstm", shape)
    shapes.halved(params.channels, height, width)
    inputs = keras.Input((frames, height, width, depth))
    images = keras.ops.reshape(inputs, (-1, height, width, depth))
    encoded = blocks.convolutions(images, params.channels, kernel=params.kernel)
    features = blocks.linear(params.features)(keras.layers.Flatten()(encoded))
    output = recurring.layers(
        keras.ops.reshape(features, (-1, frames, params.features)),
        cell=params.cell,
        hidden=params.hidden,
        count=params.layers,
        dropout=params.dropout,
    )
    outputs = blocks.logits(blocks.dropped(output, params.dropout), classes)
    return blocks.model(inputs, outputs, name="cnn-lstm")
