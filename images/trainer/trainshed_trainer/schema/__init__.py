"""The spec of a built-in run: one module a field, and `read`, which refuses what is not known."""

from trainshed_trainer.schema.checkpoint import Checkpoint
from trainshed_trainer.schema.data import Data, Folder, Preprocess, Split
from trainshed_trainer.schema.evaluation import CrossValidation, Evaluation, Performance
from trainshed_trainer.schema.export import Export
from trainshed_trainer.schema.model import (
    PARAMS,
    CnnAttentionParams,
    CnnLstmParams,
    CnnParams,
    LstmParams,
    Model,
    Params,
)
from trainshed_trainer.schema.spec import Spec, read
from trainshed_trainer.schema.training import Loss, Optimizer, Target, Training
from trainshed_trainer.schema.visualization import Profile, Visualization

__all__ = [
    "PARAMS",
    "Checkpoint",
    "CnnAttentionParams",
    "CnnLstmParams",
    "CnnParams",
    "CrossValidation",
    "Data",
    "Evaluation",
    "Export",
    "Folder",
    "Loss",
    "LstmParams",
    "Model",
    "Optimizer",
    "Params",
    "Performance",
    "Preprocess",
    "Profile",
    "Spec",
    "Split",
    "Target",
    "Training",
    "Visualization",
    "read",
]
