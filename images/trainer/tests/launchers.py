"""Launchers by the dozen."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence

from images.trainer.tests import forking

PREPARED = """
import http.client, ssl
from trainshed_trainer import launch, processes

def work(order):
    if not order["patient"]:
        processes.TAIL_SECONDS = launch.PUSH_SECONDS = 0.05
        processes.GRACE_SECONDS = 0.2
    return launch.main(["--", *order["command"]])
"""


def start(
    command: Sequence[str],
    *,
    folder: pathlib.Path,
    environment: Mapping[str, str],
    patient: bool = True,
) -> forking.Process:
    """Start a launcher of a command."""
    return forking.start(
        PREPARED,
        folder=folder,
        environment=environment,
        base={"PATH": os.environ["PATH"]},
        command=list(command),
        patient=patient,
    )
