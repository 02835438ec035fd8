"""`visualization`: files by which a person looks into a run."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed_trainer import limits


@dataclass(frozen=True, slots=True)
class Profile:
    """A trace of `steps` steps, which begins once `at_step` steps of the run are done."""

    at_step: int = limits.limited(100, at_least=0, at_most=1_000_000_000)
    steps: int = limits.limited(10, at_least=1, at_most=100)


@dataclass(frozen=True, slots=True)
class TensorBoard:
    """Event files, if they are `enabled`."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class Visualization:
    """Files in the folder that TRAINSHED_ARTIFACTS_DIR names: TensorBoard's, and a trace."""

    tensorboard: TensorBoard | None = None
    profile: Profile | None = None
