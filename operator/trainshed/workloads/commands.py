"""The command of the training container."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.api import spec

LAUNCHER: Sequence[str] = ("python3", "-m", "trainshed_trainer.launch", "--")
"""Process 1 of every container that holds the training library."""


IMAGE = "/opt/trainshed/image"
"""Where an image is mounted whose code is not in the container's own."""
_MOUNTED = f"{IMAGE}/opt/trainshed/trainer/trainshed_trainer/mounted.py"


def mounted(command: Sequence[str]) -> list[str]:
    """Return the command of a base that has the training library and the code mounted only.

    -I: nothing of the base's, of the environment or beside the file is imported by it.
    """
    return ["python3", "-I", _MOUNTED, "--", *command]


def launched(found: spec.TrainingJobSpec, built_in: Sequence[str]) -> list[str]:
    """Return the command of an image that holds the training library."""
    started = found.source.entrypoint if found.source is not None else built_in
    return [*LAUNCHER, *started]


def command(found: spec.TrainingJobSpec, built_in: Sequence[str]) -> list[str]:
    """Return the command of a job; a ready image's own command is run as it is given."""
    return list(found.command) if found.command is not None else launched(found, built_in)
