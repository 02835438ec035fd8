"""What a file of the model takes and gives, in words: `preprocessing.json` beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainshed_trainer import schema
from trainshed_trainer.data import preparing

INPUTS = "inputs"
"""The name of what goes in: pixels as the data set has them, at the model's size."""
LOGITS = "logits"
"""The name of what comes out: (n, classes), of which the softmax is the probability."""
FILE = "preprocessing.json"


@dataclass(frozen=True, slots=True)
class Contract:
    """The inputs of a model. `shape`: of one, in the order that the framework has them in."""

    shape: tuple[int, ...]
    layout: str
    """N and T for samples and frames, C, H, W for channels, height, width: NHWC, say."""


def render(
    contract: Contract,
    spec: schema.Spec,
    prepared: preparing.Prepared,
    *,
    limits: Sequence[int] | None,
) -> str:
    """Return the text of the file: all that is to be done to an image or clip before, and after.

    `limits`: what the pixels lie within; None where that is a matter of the data set.
    """
    found = prepared.statistics
    preprocess = spec.data.preprocess
    document: dict[str, Any] = {
        "version": 1,
        "framework": spec.framework,
        "model": spec.model.name,
        "input": {
            "name": INPUTS,
            "layout": contract.layout,
            "shape": [None, *contract.shape],
            "type": "float32",
            "range": limits,
            "resize": list(preprocess.resize) if preprocess.resize else None,
            "frames": preprocess.frames,
            "stride": preprocess.stride,
        },
        # Done by the file itself; here for a reader who trains on with the same numbers.
        "normalize": None if found is None else {**found.to_dict(), "inGraph": True},
        "output": {"name": LOGITS, "classes": list(prepared.classes)},
    }
    return json.dumps(document, indent=2) + "\n"
