"""PyTorch as a backend of the loop."""

from trainshed_trainer.training.pytorch.backend import open

__all__ = ["open"]
