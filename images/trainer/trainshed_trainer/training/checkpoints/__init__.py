"""Checkpoints: what a run goes on from after it was ended. They know no framework."""

from trainshed_trainer.training.checkpoints.identities import Identity, identify
from trainshed_trainer.training.checkpoints.keeping import Keeper, Resumed, open

__all__ = ["Identity", "Keeper", "Resumed", "identify", "open"]
