"""What is built: one script whose every edit is another, and the Dockerfile of the same."""

from __future__ import annotations

import pathlib

_SCRIPT = """import numpy as np
from trainshed_trainer import Run

EDIT = {edit!r}
with Run() as run:
    weights = np.zeros(16)
    for batch in run.steps([np.ones((64, 16))] * 3):
        weights += batch.mean(axis=0)
        run.log(loss=float(weights.sum()))
"""
_DOCKERFILE = """FROM {base}
USER 0:0
{install}COPY trainer /opt/trainshed/trainer
COPY app /app
ENV PYTHONPATH=/opt/trainshed/trainer:/app
WORKDIR /app
USER 1000:1000
"""
_INSTALL = """COPY uv /usr/local/bin/uv
COPY requirements.txt /requirements.txt
RUN --mount=type=cache,target=/cache/uv UV_CACHE_DIR=/cache/uv UV_LINK_MODE=copy \\
    uv pip install --quiet --system --break-system-packages --index-url {index} \\
    --requirement /requirements.txt
"""
COMMAND = ["python3", "-m", "trainshed_trainer.launch", "--", "python3", "train.py"]
"""What a ready image is started by, so that it tells of its first step as ours do."""


def script(edit: str) -> str:
    """Return the training script with an edit in it."""
    return _SCRIPT.format(edit=edit)


def dockerfile(base: str, *, index: str = "") -> str:
    """Return the Dockerfile; with `index`, packages of requirements.txt are installed by uv."""
    return _DOCKERFILE.format(base=base, install=_INSTALL.format(index=index) if index else "")


def write(folder: pathlib.Path, edit: str) -> None:
    """Write the edited script into an engine's folder."""
    code = folder / "app"
    code.mkdir(exist_ok=True)
    (code / "train.py").write_text(script(edit), encoding="utf-8")
