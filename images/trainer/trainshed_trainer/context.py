"""What a process knows of the job that it is part of, from its environment."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Context:
    """The variables that the operator sets; all are absent outside a cluster."""

    job: str = ""
    namespace: str = ""
    attempt: int = 1
    rank: int = 0
    world_size: int = 1
    metrics_port: int | None = None
    progress_url: str = ""
    ca_file: str = ""
    token_file: str = ""
    params_file: str = ""
    account_file: str = ""
    """Where a rank leaves its account for the launcher."""
    checkpoint_dir: str = ""
    """The folder or URI that checkpoints are written to."""
    artifacts_dir: str = ""
    """The folder that the report, TensorBoard's files and traces are written to."""
    export_dir: str = ""
    """The folder that the trained model is written to."""
    fold: int | None = None
    """Which part of the data a cross-validation holds out here, from 0."""

    @property
    def in_job(self) -> bool:
        """Whether an operator runs this."""
        return bool(self.job)

    def params(self) -> dict[str, Any]:
        """Return `spec.params` of the job; nothing outside one."""
        if not self.params_file or not pathlib.Path(self.params_file).exists():
            return {}
        found = json.loads(pathlib.Path(self.params_file).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}


def read(environment: Mapping[str, str] = os.environ) -> Context:
    """Return the context in an environment."""

    def text(name: str) -> str:
        return environment.get(f"TRAINSHED_{name}", "")

    def number(name: str, default: int) -> int:
        return int(text(name)) if text(name).isdecimal() else default

    port = number("METRICS_PORT", -1)
    return Context(
        job=text("JOB"),
        namespace=text("NAMESPACE"),
        attempt=number("ATTEMPT", 1),
        rank=number("RANK", 0),
        world_size=number("WORLD_SIZE", 1),
        metrics_port=port if port >= 0 else None,
        progress_url=text("PROGRESS_URL"),
        ca_file=text("PROGRESS_CA_FILE"),
        token_file=text("PROGRESS_TOKEN_FILE"),
        params_file=text("PARAMS_FILE"),
        account_file=text("ACCOUNT_FILE"),
        checkpoint_dir=text("CHECKPOINT_DIR"),
        artifacts_dir=text("ARTIFACTS_DIR"),
        export_dir=text("EXPORT_DIR"),
        fold=number("FOLD", 0) if text("FOLD").isdecimal() else None,
    )
