"""`cnn`: blocks of convolution, batch normalisation, ReLU and pooling, then two linear layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.tensorflow import blocks


def build(params: schema.CnnParams, shape: Sequence[int], classes: int) -> keras.Model:
    """Return the model for images (n, height, width, channels): logits (n, classes)."""
    depth, height, width = shapes.image("cnn", shape)
    shapes.halved(params.channels, height, width)
    inputs = keras.Input((height, width, depth))
    features = blocks.convolutions(inputs, params.channels, kernel=params.kernel)
    outputs = blocks.head(
        keras.layers.Flatten()(features),
        hidden=params.hidden,
        dropout=params.dropout,
        classes=classes,
    )
    return blocks.model(inputs, outputs, name="cnn")
