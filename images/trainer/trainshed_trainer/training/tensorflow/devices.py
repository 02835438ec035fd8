"""Which device trains, in what precision, and whether XLA compiles the model for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import keras
import tensorflow as tf

from trainshed_trainer import cpus, heap, schema
from trainshed_trainer.training import precisions

POLICIES: Mapping[str, str] = {
    "fp32": "float32",
    "bf16": "mixed_bfloat16",
    "fp16": "mixed_float16",
}
FIRST_WITH_BF16 = (8, 0)
"""The compute capability of NVIDIA's GPUs that bf16 products came with."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and the precision that its matrix products are computed in."""

    name: str
    precision: str
    is_gpu: bool

    @property
    def dtype(self) -> str:
        """Return the type that products are computed in."""
        return str(keras.DTypePolicy(POLICIES[self.precision]).compute_dtype)

    @contextlib.contextmanager
    def building(self) -> Iterator[None]:
        """Have layers that are made meanwhile compute in this precision."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(POLICIES[self.precision])
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)


def choose(asked: schema.Training, *, local: int) -> Device:
    """Return the GPU of this process, or the CPU where there is none; before all else."""
    # TensorFlow counts the processors of the machine, not what this container may use.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(cpus.usable()))
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        heap.keep()
        if not compiles(asked.compile):  # XLA has no such pooling, and needs none on a CPU
            tf.config.experimental.enable_op_determinism()
        return Device("cpu", "fp32" if asked.precision == "auto" else asked.precision, is_gpu=False)
    gpu = gpus[local % len(gpus)]
    tf.config.set_visible_devices(gpu, "GPU")
    tf.config.experimental.set_memory_growth(gpu, True)
    details = tf.config.experimental.get_device_details(gpu)
    capability = tuple(details.get("compute_capability", (0, 0)))
    precision = precisions.of_gpu(asked.precision, bf16=capability >= FIRST_WITH_BF16)
    return Device(details.get("device_name", "gpu"), precision, is_gpu=True)


def compiles(asked: str) -> bool:
    """Return whether XLA compiles the model: nowhere has it been seen to help as a whole.

    On a CPU the steps of `cnn-lstm` take four times the processor's time and those of `cnn` a tenth
    more. Those of `cnn-attention` take a sixth less, and 9 s are spent before the first of them,
    which 20 epochs of digits do not bring back. On a GPU it is not measured yet.
    """
    return asked == "always"
