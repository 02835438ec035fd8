"""Variables as bytes, and back. Nothing is unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


def weights(model: keras.Model) -> list[tf.Variable]:
    """Return what a model has learned and counted."""
    return [each.value for each in model.weights]


def counted(model: keras.Model) -> list[tf.Variable]:
    """Return what a model has counted, such as batch statistics."""
    return [each.value for each in model.non_trainable_weights]


def seeds(model: keras.Model) -> list[tf.Variable]:
    """Return the seeds of what a model does at random."""
    known = {id(each) for each in model.weights}
    return [each.value for each in model.variables if id(each) not in known]


def packed(variables: Sequence[tf.Variable]) -> bytes:
    """Return the values of variables as bytes, in order."""
    buffer = io.BytesIO()
    np.savez(buffer, *[each.numpy() for each in variables])
    return buffer.getvalue()


def unpacked(data: bytes, variables: Sequence[tf.Variable]) -> None:
    """Set variables to values; raises ValueError, and sets none, where these do not fit."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            values = [found[name] for name in found.files]
    except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"the state can't be read: {error}") from error
    has = [(value.shape, value.dtype.name) for value in values]
    wants = [(tuple(each.shape), each.dtype.name) for each in variables]
    if has != wants:
        raise ValueError(f"the state does not fit the model: {_difference(has, wants)}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _difference(
    has: Sequence[tuple[tuple[int, ...], str]], wants: Sequence[tuple[tuple[int, ...], str]]
) -> str:
    if len(has) != len(wants):
        return f"it has {len(has)} arrays, and the model {len(wants)}"
    number = next(at for at, pair in enumerate(zip(has, wants, strict=True)) if len(set(pair)) > 1)
    return f"its array {number} is {has[number]}, and the model's {wants[number]}"
