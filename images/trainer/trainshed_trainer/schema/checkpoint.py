"""`checkpoint`: when the state is kept, and what a run starts from."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed_trainer import limits


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Checkpoints in the folder or URI that TRAINSHED_CHECKPOINT_DIR names.

    `keep`: how many of the last ones stay. `resume`: auto goes on from the last one there is.
    `from_`: a folder of another run's checkpoints, whose last weights a new run starts with.
    """

    every_seconds: int = limits.limited(300, at_least=1, at_most=86_400)
    keep: int = limits.limited(2, at_least=1, at_most=100)
    resume: str = limits.one_of("auto", "never")
    from_: str | None = limits.text(None)
