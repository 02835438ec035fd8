"""Starts launchers with real commands."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap
from typing import Any

from trainshed_trainer import accounts

LIBRARY = pathlib.Path(__file__).resolve().parents[1]


class Launched:
    """A launcher with a script as its command."""

    def __init__(self, folder: pathlib.Path, *command: str, **environment: str) -> None:
        self.log = folder / "termination-log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trainshed_trainer.launch", "--", *command],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(LIBRARY),
                "TRAINSHED_TERMINATION_LOG": str(self.log),
                "TRAINSHED_JOB": "digits",
                "TMPDIR": str(folder),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> tuple[int, Any, bytes]:
        _, err = self.process.communicate(timeout=30)
        text = self.log.read_text(encoding="utf-8")
        assert len(text.encode()) <= accounts.MAX_BYTES
        return self.process.returncode, json.loads(text), err


def script(folder: pathlib.Path, text: str, **environment: str) -> Launched:
    (folder / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return Launched(folder, sys.executable, "train.py", **environment)
