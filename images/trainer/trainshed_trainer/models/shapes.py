"""Which inputs a model takes. The same words in every framework."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed_trainer import errors


def image(model: str, shape: Sequence[int]) -> tuple[int, int, int]:
    """Return (channels, height, width) of the images; raises where the data has clips."""
    if len(shape) != 3:
        raise _unfit(model, "images", has="clips", take="lstm or cnn-lstm")
    depth, height, width = shape
    return depth, height, width


def clip(model: str, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """Return (frames, channels, height, width) of the clips; raises where the data has images."""
    if len(shape) != 4:
        raise _unfit(model, "clips", has="images", take="cnn or cnn-attention")
    frames, depth, height, width = shape
    return frames, depth, height, width


def halved(channels: Sequence[int], height: int, width: int) -> tuple[int, int]:
    """Return height and width after as many blocks; raises where nothing would be left."""
    if min(height, width) >> len(channels) < 1:
        raise errors.ConfigurationError(
            f"{len(channels)} blocks halve {height}x{width} pixels to nothing:"
            " give model.params.channels fewer entries, or data.preprocess.resize more pixels",
            reason="InvalidSpec",
        )
    return height >> len(channels), width >> len(channels)


def _unfit(model: str, takes: str, *, has: str, take: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(
        f"the model {model} takes {takes}, but the data set has {has}: set model.name to {take},"
        f" or train on a data set of {takes}",
        reason="InvalidSpec",
    )
