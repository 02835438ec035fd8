"""The layers of a Keras model, and the operations that its products and convolutions take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainshed_trainer.evaluation import lenses


def layers(model: keras.Model) -> list[lenses.Layer]:
    """Return the layers in order. What is no layer, such as a reshaping, is passed through."""
    makers = {id(each): made for made in model.operations for each in tf.nest.flatten(made.output)}
    found = []
    for layer in model.operations:
        if not _is_shown(layer):
            continue
        count = sum(int(np.prod(each.shape)) for each in layer.trainable_variables)
        shape = tuple(layer.output.shape[1:])
        after = tuple(_after(layer, makers))
        found.append(lenses.Layer(layer.name, type(layer).__name__, shape, count, after))
    return found


def _is_shown(made: Any) -> bool:
    return isinstance(made, keras.Layer) and not isinstance(made, keras.layers.InputLayer)


def _after(layer: Any, makers: Mapping[int, Any]) -> list[str]:
    """Return the names of the layers whose outputs a layer takes."""
    found: list[str] = []
    for tensor in tf.nest.flatten(layer.input):
        maker = makers[id(tensor)]
        if _is_shown(maker):
            found.append(maker.name)
        elif not isinstance(maker, keras.layers.InputLayer):
            found += _after(maker, makers)
    return found


def flops(model: keras.Model) -> int:
    """Return the operations of one sample's forward pass: two for each weight that is used.

    TensorFlow's profiler counts sums too, and a loop over frames as one frame.
    """
    one = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)
    traced = tf.function(lambda given: model(given, training=False), autograph=False)
    graph = traced.get_concrete_function(one).graph
    recurrent = [each for each in model.layers if isinstance(each, keras.layers.RNN)]
    names = "|".join(re.escape(each.name) for each in recurrent)
    # What a layer does is below its name, which gets a number where it is used again.
    inside = re.compile(rf"[^/]+/({names})(_\d+)?/")
    outside = [each for each in graph.get_operations() if not inside.match(each.name)]
    return sum(map(_of_operation, outside)) + sum(map(_of_recurrence, recurrent))


def _of_operation(made: Any) -> int:
    """Return what a product or a convolution takes; nothing for all else."""
    if made.type not in ("MatMul", "BatchMatMulV2", "Conv2D"):
        return 0
    left, right = made.inputs
    if made.type == "Conv2D":
        deep = int(np.prod(right.shape[:-1]))
    else:
        turned = made.get_attr("transpose_a" if made.type == "MatMul" else "adj_x")
        deep = int(left.shape[-2 if turned else -1])
    return 2 * deep * int(made.outputs[0].shape.num_elements())


def _of_recurrence(layer: Any) -> int:
    """Return what a recurrent layer takes for all frames."""
    weights = (layer.cell.kernel, layer.cell.recurrent_kernel)
    return 2 * int(layer.input.shape[1]) * sum(int(np.prod(each.shape)) for each in weights)
