"""Checkpoints as files with checksums, and what is wrong with those that were altered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainshed_trainer.training.checkpoints import stores

VERSION = 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a checkpoint holds. `seconds`: of the run until then, with earlier attempts.

    `loss`: of the last step, where it was told.
    """

    step: int
    seconds: float
    identity: Mapping[str, Any]
    state: Mapping[str, bytes]
    loss: float | None = None


class Damaged(Exception):
    """A checkpoint is not what was written."""


def seal(content: Sealed) -> dict[str, bytes]:
    """Return the files of a checkpoint."""
    meta = {
        "version": VERSION,
        "step": content.step,
        "seconds": content.seconds,
        "loss": content.loss,
        "identity": content.identity,
        "files": {name: _sums(data) for name, data in content.state.items()},
    }
    return {**content.state, stores.META: json.dumps(meta, indent=1).encode()}


def opened(files: Mapping[str, bytes]) -> Sealed:
    """Return what the files of a checkpoint hold; raises Damaged."""
    try:
        meta = json.loads(files[stores.META])
        sums: Mapping[str, Any] = meta["files"]
        state = {name: files[name] for name in sums if name in files}
        found = Sealed(
            int(meta["step"]),
            float(meta["seconds"]),
            dict(meta["identity"]),
            state,
            None if meta.get("loss") is None else float(meta["loss"]),
        )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise Damaged(f"its {stores.META} can't be read ({error!r:.100})") from error
    if meta.get("version") != VERSION:
        raise Damaged(f"it has version {meta.get('version')!r:.20}, and only {VERSION} is known")
    for name, expected in sums.items():
        if name not in files:
            raise Damaged(f"its file {name} is missing")
        if (actual := _sums(files[name])) != expected:
            told = f"{actual['bytes']} bytes of {expected.get('bytes')}"
            raise Damaged(f"its file {name} is not what was written ({told})")
    return found


def _sums(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
