"""Processes that train, by the dozen."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping

from images.trainer.tests import forking

# Dynamo is what PyTorch imports itself once there is an optimiser.
IMPORTS = {"pytorch": "import torch._dynamo", "tensorflow": "import keras, tensorflow"}
PREPARED = """
{imports}
from trainshed_trainer import observing, train
from trainshed_trainer.data import preparing
from trainshed_trainer.training import checkpoints, loop
from trainshed_trainer.training.{framework} import backend

def work(order):
    return train.main([])
"""
# One thread is enough, and none but the one that forks may be there before.
ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}


def start(
    framework: str, *, folder: pathlib.Path, environment: Mapping[str, str]
) -> forking.Process:
    """Start what `python -m trainshed_trainer.train` does."""
    base = {**os.environ, **ALONE}
    return forking.start(
        PREPARED.format(imports=IMPORTS[framework], framework=framework),
        folder=folder,
        environment={**base, **environment},
        base=base,
    )
