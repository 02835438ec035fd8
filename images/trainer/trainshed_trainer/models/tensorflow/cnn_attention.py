"""`cnn-attention`: blocks with layer normalisation, then self-attention over the last map."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from trainshed_trainer import schema
from trainshed_trainer.models import shapes
from trainshed_trainer.models.tensorflow import attending, blocks, normalising


def build(params: schema.CnnAttentionParams, shape: Sequence[int], classes: int) -> keras.Model:
    """Return the model for images (n, height, width, channels): logits (n, classes)."""
    depth, height, width = shapes.image("cnn-attention", shape)
    rows, columns = shapes.halved(params.channels, height, width)
    inputs = keras.Input((height, width, depth))
    features = blocks.convolutions(
        inputs,
        params.channels,
        kernel=params.kernel,
        normalisation=normalising.layer_normalisation,
    )
    positions = keras.layers.Reshape((rows * columns, params.channels[-1]))(features)
    positions = attending.Places()(positions)
    attended = attending.SelfAttention(params.channels[-1], heads=params.heads)(
        normalising.layer_normalisation()(positions)
    )
    positions = keras.layers.Add()([positions, attended])
    outputs = blocks.head(
        keras.layers.GlobalAveragePooling1D()(positions),
        hidden=params.hidden,
        dropout=params.dropout,
        classes=classes,
    )
    return blocks.model(inputs, outputs, name="cnn-attention")
