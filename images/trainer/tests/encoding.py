"""Writes clips as video files, for tests."""

from __future__ import annotations

import fractions
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

RATE = 8
"""Frames a second."""


def write(path: pathlib.Path, clip: Any, *, codec: str = "mpeg4", form: str = "yuv420p") -> None:
    """Write a clip (T, channels, H, W), grey or of colours, with values 0 to 1 as a video file."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = clip.shape[-2:]
        stream.pix_fmt = form
        stream.bit_rate = 2_000_000
        for frame in clip:
            for packet in stream.encode(_frame(frame)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def write_sizes(path: pathlib.Path, clips: Sequence[Any]) -> None:
    """Write clips of different sizes one after the other as one video: each JPEG has its own."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.height, stream.width = clips[0].shape[-2:]
        stream.pix_fmt = "yuvj420p"
        frames = [frame for clip in clips for frame in clip]
        for number, frame in enumerate(frames):
            for packet in _pictures(frame):
                packet.stream = stream
                packet.pts = packet.dts = number
                packet.time_base = fractions.Fraction(1, RATE)
                container.mux(packet)


def _pictures(frame: Any) -> list[Any]:
    """Return a frame as the packets of an encoder of its own."""
    import av

    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = frame.shape[-2:]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = fractions.Fraction(1, RATE)
    return [*encoder.encode(_frame(frame)), *encoder.encode()]


def _frame(frame: Any) -> Any:
    """Return (channels, H, W) as FFmpeg's frame."""
    import av

    pixels = (frame * 255).round().astype(np.uint8)
    if len(pixels) == 1:
        return av.VideoFrame.from_ndarray(pixels[0], format="gray")
    return av.VideoFrame.from_ndarray(np.moveaxis(pixels, 0, -1).copy(), format="rgb24")
