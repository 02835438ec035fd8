"""Videos by PyAV: folders of files, one folder a class. Only what is needed is decoded."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np
from PIL import Image

from trainshed_trainer import schema
from trainshed_trainer.data import clips, corrupt, folders, pictures, sources

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"})
OPTIONS = {"format_whitelist": "mov,matroska,avi,mpeg,mpegvideo", "protocol_whitelist": "file"}
"""Formats that are playlists would have FFmpeg read other files and addresses."""
MOST_BYTES = 2**30
"""Of one clip, as 8-bit pixels."""


def open(path: pathlib.Path, asked: schema.Preprocess, tally: corrupt.Tally) -> sources.Source:
    """Return the videos in the folders of a folder."""
    frames = clips.Frames(asked.frames, asked.stride)
    decoder = functools.partial(Decoder, frames=frames, size=asked.resize)
    return folders.classed(path, SUFFIXES, decoder, grey)


class Decoder:
    """Makes (T, channels, H, W) of a video file; `size`: height and width."""

    def __init__(
        self, channels: int, *, frames: clips.Frames, size: tuple[int, ...] | None
    ) -> None:
        self._channels = channels
        self._frames = frames
        self._size = size

    def __call__(self, stream: BinaryIO, title: str) -> sources.Levels:
        """Return a clip."""
        try:
            with _container(stream) as container:
                found, promised = self._decoded(container), container.streams.video[0].frames
        except (av.FFmpegError, ValueError, IndexError) as error:
            raise corrupt.Corrupt(f"can't be decoded ({error})") from error
        if len(found) < min(promised, self._frames.needed or promised):
            raise corrupt.Corrupt(f"ends after {len(found)} of {promised} frames")
        if not found:
            raise corrupt.Corrupt("has no frames")
        frames = found[self._frames.of(len(found), title=title)]
        if any(frame.shape != frames[0].shape for frame in frames):
            raise corrupt.Corrupt("changes its size midway")
        return np.stack([pictures.levels(Image.fromarray(frame), self._size) for frame in frames])

    def _decoded(self, container: Any) -> list[Any]:
        """Return frames up to the last that is needed; those between are not converted."""
        form = "gray" if self._channels == 1 else "rgb24"
        found: list[Any] = []
        total = 0
        for number, frame in enumerate(_frames(container)):
            if self._frames.needed is not None and number >= self._frames.needed:
                break
            wanted = number % self._frames.stride == 0
            found.append(frame.to_ndarray(format=form) if wanted else None)
            total += frame.width * frame.height * self._channels
            if total > MOST_BYTES:
                raise corrupt.Corrupt("is too long or too large: set data.preprocess.frames")
        return found


def grey(stream: BinaryIO) -> bool:
    """Return whether a video has one channel."""
    try:
        with _container(stream) as container:
            return str(container.streams.video[0].format.name).startswith("gray")
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise corrupt.Corrupt("is no video that can be read") from error


def _container(stream: BinaryIO) -> Any:
    return av.open(stream, mode="r", options=OPTIONS)


def _frames(container: Any) -> Iterator[Any]:
    # One thread: the pipeline decodes several files at once.
    container.streams.video[0].codec_context.thread_count = 1
    return iter(container.decode(video=0))
