"""Writes clips as video files, for tests."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np


def write(path: pathlib.Path, clip: Any, *, codec: str = "mpeg4", form: str = "yuv420p") -> None:
    """Write a clip (T, 1, H, W) with values 0 to 1 as a video file of 8 frames a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=8)
        stream.height, stream.width = clip.shape[-2:]
        stream.pix_fmt = form
        stream.bit_rate = 2_000_000
        for frame in clip[:, 0]:
            pixels = (frame * 255).round().astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
