"""`python3 -m tests.train.clips FILE`: write moving-digits as the plain scripts read it."""

from __future__ import annotations

import sys

import numpy as np

from trainshed_trainer import schema
from trainshed_trainer.data import preparing

if __name__ == "__main__":
    data = preparing.prepare(schema.read({"data": {"name": "moving-digits"}}).data)
    x, held_x = data.train.whole(), data.held.whole()
    assert x is not None
    assert held_x is not None
    np.savez(sys.argv[1], x=x, y=data.train.labels, held_x=held_x, held_y=data.held.labels)
