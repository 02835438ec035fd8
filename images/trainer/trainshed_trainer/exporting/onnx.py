"""Reads ONNX files by onnxruntime."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from trainshed_trainer import cpus
from trainshed_trainer.exporting import contract, timing

FILE = "model.onnx"
OPSET = 17
"""Old enough for the runtimes of today, new enough for layer normalisation."""


def read(folder: pathlib.Path) -> timing.Answer:
    """Return what answers by the file in a folder."""
    options = onnxruntime.SessionOptions()
    # By itself it counts the machine's processors, not those that this container may use.
    options.intra_op_num_threads = cpus.usable()
    session: Any = onnxruntime.InferenceSession(
        str(folder / FILE), options, providers=["CPUExecutionProvider"]
    )

    def answer(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        (logits,) = session.run([contract.LOGITS], {contract.INPUTS: inputs})
        return np.asarray(logits)

    return answer
