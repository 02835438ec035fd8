"""Traces PyTorch: one file that Perfetto (ui.perfetto.dev) and Chrome open."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import torch
from torch import profiler

FILE = "trace.json.gz"
FAILURES: tuple[type[Exception], ...] = (OSError, RuntimeError)


def begin(folder: pathlib.Path) -> Callable[[], None]:
    """Begin a trace; return what ends it and writes it into a folder."""
    watched = [profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        watched.append(profiler.ProfilerActivity.CUDA)
    tracer = profiler.profile(activities=watched)
    tracer.start()

    def end() -> None:
        tracer.stop()
        tracer.export_chrome_trace(str(folder / FILE))

    return end
