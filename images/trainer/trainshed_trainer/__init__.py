"""Counts, times and tells of a training run. `Run` is all that a script needs."""

from typing import TYPE_CHECKING, Any

from trainshed_trainer.errors import ConfigurationError, DataError, NonFiniteLoss

if TYPE_CHECKING:
    from trainshed_trainer.run import Run

__all__ = ["ConfigurationError", "DataError", "NonFiniteLoss", "Run"]


def __getattr__(name: str) -> Any:
    """Return `Run` once it is asked for: process 1 does not wait for what it never needs."""
    if name != "Run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trainshed_trainer import run

    return run.Run
