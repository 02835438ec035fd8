"""Writes and reads a Keras model as SavedModel and as ONNX."""

from __future__ import annotations

import logging
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainshed_trainer import schema
from trainshed_trainer.data import preparing
from trainshed_trainer.exporting import contract, timing
from trainshed_trainer.models.tensorflow import recurring, registry
from trainshed_trainer.training.tensorflow import backend, states

SIGNATURE = "serving_default"
Array = NDArray[np.float32]


class Exporter:
    """A trained model, in full precision and without what trains it."""

    def __init__(
        self, spec: schema.Spec, prepared: preparing.Prepared, trained: backend.Backend
    ) -> None:
        shape = prepared.held.shape
        self._model = registry.build(spec.model, shape, len(prepared.classes))
        recurring.portable(self._model)
        pairs = zip(states.weights(self._model), states.weights(trained.model), strict=True)
        for variable, learned in pairs:
            variable.assign(learned)
        *frames, depth, height, width = shape
        layout = "NTHWC" if frames else "NHWC"
        self.contract = contract.Contract((*frames, height, width, depth), layout)
        self._served = _served(self._model, self.contract.shape, prepared)

    def native(self, inputs: Array) -> Array:
        """Return inputs (n, *shape) in the framework's order."""
        return np.ascontiguousarray(np.moveaxis(inputs, -3, -1))

    def trained(self, inputs: Array) -> Array:
        """Return the trained model's logits for inputs that are normalised."""
        return np.asarray(self._model(tf.constant(inputs), training=False))

    def write(self, name: str, folder: pathlib.Path) -> None:
        """Write a format into a folder."""
        if name == "onnx":
            _onnx(self._served, folder)
            return
        whole = tf.Module()
        whole.model, whole.served = self._model, self._served
        tf.saved_model.save(whole, str(folder), signatures={SIGNATURE: self._served})

    def read(self, name: str, folder: pathlib.Path) -> timing.Answer:
        """Return what answers by the file of a format."""
        if name == "onnx":
            from trainshed_trainer.exporting import onnx

            return onnx.read(folder)
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures[SIGNATURE]

        def answer(inputs: Array) -> Array:
            # `loaded` is held on to: a signature alone does not keep its variables.
            found = signature(**{contract.INPUTS: tf.constant(inputs)})
            return np.asarray(found[contract.LOGITS])

        answer.__dict__["loaded"] = loaded
        return answer


def _served(model: keras.Model, shape: tuple[int, ...], prepared: preparing.Prepared) -> Any:
    """Return a function that answers for pixels: the normalisation is part of its graph."""
    found = prepared.statistics
    signature = (tf.TensorSpec((None, *shape), tf.float32, name=contract.INPUTS),)

    def served(inputs: Any) -> dict[str, Any]:
        if found is not None:
            # NumPy's: tensors from outside would be inputs of the ONNX graph.
            inputs = (inputs - found.mean.ravel()) / found.deviation.ravel()
        return {contract.LOGITS: model(inputs, training=False)}

    return tf.function(served, input_signature=signature, autograph=False)


def _onnx(served: Any, folder: pathlib.Path) -> None:
    import tf2onnx

    from trainshed_trainer.exporting import onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    tf2onnx.convert.from_function(
        served,
        input_signature=served.input_signature,
        opset=onnx.OPSET,
        output_path=str(folder / onnx.FILE),
    )
