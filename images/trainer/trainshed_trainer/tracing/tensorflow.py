"""Traces TensorFlow: files that TensorBoard's profile plugin (xprof) opens."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import tensorflow as tf

FAILURES: tuple[type[Exception], ...] = (OSError, RuntimeError, tf.errors.OpError)


def begin(folder: pathlib.Path) -> Callable[[], None]:
    """Begin a trace; return what ends it and writes it into a folder."""
    tf.profiler.experimental.start(str(folder))
    found: Callable[[], None] = tf.profiler.experimental.stop
    return found
