"""Opens the data set that a spec asks for. What a layout needs is imported only for it."""

from __future__ import annotations

import importlib
import pathlib

from trainshed_trainer import errors, schema
from trainshed_trainer.data import corrupt, digits, moving, remote, sources

LAYOUTS = {"images": "images", "videos": "videos", "npz": "arrays", "webdataset": "shards"}
"""The module of each layout: its `open(path, asked, tally)` returns a source."""
MIRRORING = {"hflip", "vflip"}


def source(asked: schema.Data, tally: corrupt.Tally) -> sources.Source:
    """Return the data set as a source of samples; raises DataError and ConfigurationError."""
    if asked.name == "digits":
        return digits.read()
    if asked.name == "moving-digits":
        return _moving(asked)
    path, layout = _place(asked)
    try:
        module = importlib.import_module(f"trainshed_trainer.data.{LAYOUTS[layout]}")
    except ImportError as error:
        raise errors.ConfigurationError(
            f"data of layout {layout} needs the Python package {error.name}: install it"
            " (`pip install trainshed-trainer[data]`)",
            reason="MissingPackage",
        ) from error
    found: sources.Source = module.open(path, asked.preprocess, tally)
    return sources.checked(found, where=str(path))


def _moving(asked: schema.Data) -> sources.Source:
    mirrored = sorted(MIRRORING.intersection(asked.preprocess.augment))
    if mirrored and asked.label == "direction":
        raise errors.ConfigurationError(
            f"data.preprocess.augment has {' and '.join(mirrored)}, and a mirrored clip moves in"
            " another direction than its label says: leave it out, or set data.label to digit",
            reason="InvalidSpec",
        )
    return moving.read(
        samples=asked.samples,
        label=asked.label,
        seed=asked.split.seed,
        frames=asked.preprocess.frames,
        stride=asked.preprocess.stride,
    )


def _place(asked: schema.Data) -> tuple[pathlib.Path, str]:
    if asked.folder is not None:
        return pathlib.Path(asked.folder.path), asked.folder.layout
    if asked.uri is None or asked.layout is None:
        raise errors.ConfigurationError(
            "data must have one of name, folder and uri", reason="InvalidSpec"
        )
    return remote.fetch(asked.uri, limit=asked.cache_bytes), asked.layout
