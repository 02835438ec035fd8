"""Starts launchers with real commands."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap
from typing import Any

from images.trainer.tests import forking, launchers
from trainshed_trainer import accounts

LIBRARY = forking.LIBRARY


class Launched:
    """A launcher with a script as its command.

    One that is not `patient` gives up what it waits for at once, which takes seconds otherwise.
    """

    def __init__(
        self, folder: pathlib.Path, *command: str, patient: bool = True, **environment: str
    ) -> None:
        self.log = folder / "termination-log"
        self.process = launchers.start(
            command,
            folder=folder,
            environment={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(LIBRARY),
                "TRAINSHED_TERMINATION_LOG": str(self.log),
                "TRAINSHED_JOB": "digits",
                "TMPDIR": str(folder),
                **environment,
            },
            patient=patient,
        )
        self.out = b""
        """What the command has written, once it has ended."""

    def line(self) -> bytes:
        return self.process.stdout.readline()

    def hang_up(self) -> None:
        """Close the command's standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def end(self) -> tuple[int, Any, bytes]:
        """Return the launcher's code, its account, and what it wrote to standard error."""
        self.out, err = self.process.communicate(timeout=30)
        text = self.log.read_text(encoding="utf-8")
        assert len(text.encode()) <= accounts.MAX_BYTES
        return self.process.wait(timeout=0), json.loads(text), err


def script(
    folder: pathlib.Path, text: str, *, patient: bool = True, **environment: str
) -> Launched:
    (folder / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return Launched(folder, sys.executable, "train.py", patient=patient, **environment)


def outer(folder: pathlib.Path, text: str) -> tuple[int, Any]:
    """Return how a script ended that starts a launcher in its own way, and the account."""
    log = folder / "termination-log"
    (folder / "outer.py").write_text(textwrap.dedent(text), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), "TMPDIR": str(folder)}
    environment["TRAINSHED_TERMINATION_LOG"] = str(log)
    done = subprocess.run(
        [sys.executable, "outer.py"], cwd=folder, env=environment, check=False, timeout=30
    )
    return done.returncode, json.loads(log.read_text(encoding="utf-8"))
