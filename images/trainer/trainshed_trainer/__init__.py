"""Counts, times and tells of a training run. `Run` is all that a script needs."""

from trainshed_trainer.errors import ConfigurationError, DataError, NonFiniteLoss
from trainshed_trainer.run import Run

__all__ = ["ConfigurationError", "DataError", "NonFiniteLoss", "Run"]
