"""NumPy's files: npz with all of a set, npy with one sample. Nothing is ever unpickled."""

from __future__ import annotations

import io
import math
import pathlib
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy

from trainshed_trainer import errors, schema
from trainshed_trainer.data import clips, corrupt, folders, memory, sources

INPUTS = ("images", "clips", "x")
LABELS = ("labels", "y")
NAMES = "classes"
SCALES = {np.dtype(np.bool_): 1.0, np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}
"""What the largest value of a type stands for 1 by; floats are taken as they are."""
CHANNELS = (1, 3, 4)
SHARE = 0.5
"""What part of the memory the arrays may fill as they are in the file."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """A source whose samples are rows of an array."""

    inputs: Any
    labels: sources.Numbers
    classes: tuple[str, ...]
    frames: clips.Frames
    clip: bool
    groups: sources.Numbers | None = None

    def title(self, number: int) -> str:
        """Return what a person calls a sample."""
        return f"sample {number}"

    def load(self, number: int) -> sources.Pixels:
        """Return a sample with its channels before its height and width."""
        row = self.inputs[number]
        if self.clip:
            row = row[self.frames.of(len(row), title=self.title(number))]
        return scaled(channelled(row, clip=self.clip))


def open(path: pathlib.Path, asked: schema.Preprocess, tally: corrupt.Tally) -> sources.Source:
    """Return the arrays of an npz file, or of all in a folder one after the other."""
    most = int(memory.limit() * SHARE)
    found = [read(file, most=most) for file in folders.files(path, ".npz")]
    name = next(name for name in INPUTS if name in found[0])
    inputs = _joined([arrays.get(name) for arrays in found], path)
    labels = _joined([arrays["labels"] for arrays in found], path)
    if len(inputs) != len(labels):
        raise _wrong(f"{path} has {len(inputs)} {name} and {len(labels)} labels", "as many of both")
    clip = name == "clips" or (name == "x" and is_clip(inputs.shape[1:]))
    if inputs.ndim - 1 not in ((3, 4) if clip else (2, 3)) or 0 in inputs.shape[1:]:
        raise _wrong(
            f"{name} in {path} has the shape {inputs.shape}",
            "(n, H, W) or (n, H, W, C) for images, (n, T, H, W) or (n, T, H, W, C) for clips",
        )
    if inputs.dtype not in SCALES and inputs.dtype.kind != "f":
        raise _wrong(f"{name} in {path} is of {inputs.dtype}", "uint8, uint16 or a float type")
    numbers, classes = numbered(labels, found[0].get(NAMES), where=str(path))
    return Arrays(inputs, numbers, classes, clips.Frames(asked.frames, asked.stride), clip)


def numbered(labels: Any, names: Any, *, where: str) -> tuple[sources.Numbers, tuple[str, ...]]:
    """Return labels as numbers, and the classes: by name where labels are texts."""
    if labels.ndim == 1 and labels.dtype.kind in "US":
        found, numbers = np.unique(labels.astype(str), return_inverse=True)
        return numbers.astype(np.int64), tuple(map(corrupt.printable, found.tolist()))
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise _wrong(
            f"the labels in {where} are {labels.dtype} of shape {labels.shape}",
            "whole numbers or texts, one a sample",
        )
    numbers = labels.astype(np.int64)
    if names is None:
        return numbers, sources.by_number(numbers, where=where)
    classes = tuple(corrupt.printable(str(name)) for name in np.ravel(names).tolist())
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(classes):
        worst = numbers.min() if numbers.min() < 0 else numbers.max()
        raise sources.out_of_range(int(worst), f"0 to {len(classes) - 1}", where=where)
    return numbers, classes


def is_clip(shape: tuple[int, ...]) -> bool:
    """Return whether a sample of this shape is a clip: no last side is as short as channels."""
    return len(shape) == 4 or (len(shape) == 3 and not {shape[0], shape[-1]} & set(CHANNELS))


def channelled(sample: Any, *, clip: bool) -> Any:
    """Return (C, H, W) or (T, C, H, W) of a sample whose channels are last, first or left out."""
    if sample.ndim == 2 + clip:
        return np.expand_dims(sample, -3)
    if sample.shape[-1] in CHANNELS:
        return np.moveaxis(sample, -1, -3)
    return sample


def scaled(sample: Any) -> sources.Pixels:
    """Return a sample as 32-bit numbers: 0 to 1 where it was whole numbers."""
    scale = SCALES.get(sample.dtype)
    if scale is None and sample.dtype.kind != "f":
        raise corrupt.Corrupt(f"is of {sample.dtype}, not uint8, uint16 or a float type")
    if scale is None:
        return np.asarray(sample, dtype=np.float32)
    pixels: sources.Pixels = np.divide(sample, np.float32(scale), dtype=np.float32)
    return pixels


def parsed(content: bytes) -> Any:
    """Return the array in an npy file; raises corrupt.Corrupt."""
    try:
        stream = io.BytesIO(content)
        version = npy.read_magic(stream)
        head = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = head(stream)
    except ValueError as error:
        raise corrupt.Corrupt("is no npy file") from error
    body = content[stream.tell() :]
    # Compared before anything of the size that the head claims is made.
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(body):
        raise corrupt.Corrupt("is an npy file of objects, or of another length than it says")
    return np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def read(path: pathlib.Path, *, most: int) -> dict[str, Any]:
    """Return a file's arrays by name, the labels as `labels`, if it unpacks to no more bytes."""
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(member.file_size for member in file.infolist())
            if size > most:
                raise errors.DataError(
                    f"{path} unpacks to {size} bytes, too much for the memory: ask for more by"
                    " resources.memory, or store the set as webdataset shards",
                    reason="SetTooLarge",
                )
            names = {name.removesuffix(".npy") for name in file.namelist()}
            wanted = {*INPUTS, *LABELS, NAMES} & names
            found = {name: parsed(file.read(f"{name}.npy")) for name in sorted(wanted)}
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, corrupt.Corrupt) as error:
        raise _wrong(f"{path} can't be read ({error})", "an npz file without objects") from error
    labels = [found.pop(name) for name in LABELS if name in found]
    if len(labels) != 1 or len(found.keys() & set(INPUTS)) != 1:
        raise _wrong(
            f"{path} has the arrays {', '.join(sorted(names))[:200] or 'none'}",
            "images, clips or x, and labels or y",
        )
    return {**found, "labels": labels[0]}


def _joined(arrays: list[Any], path: pathlib.Path) -> Any:
    alike = all(
        each is not None and each.ndim and each.shape[1:] == arrays[0].shape[1:] for each in arrays
    )
    if not alike:
        raise _wrong(f"the npz files in {path} differ", "the same arrays of the same shapes in all")
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _wrong(what: str, expected: str) -> errors.DataError:
    return errors.DataError(f"{what}: it must have {expected}", reason="WrongArrays")
