"""What a person looks at is found a few samples at a time: of large clips there is room for few."""

from __future__ import annotations

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer.evaluation import lenses, visual
from trainshed_trainer.training import backends

pytestmark = pytest.mark.numpy
CLIP = (16, 3, 64, 64)


class Notes:
    """A lens on a model that says class 1 of all; it notes how many samples it is given at once."""

    def __init__(self, *, attends: bool = False) -> None:
        self.attends = attends
        self.batches: list[int] = []

    def probabilities(self, inputs: lenses.Array) -> lenses.Array:
        self.batches.append(len(inputs))
        return np.tile(np.array([0.25, 0.75], np.float32), (len(inputs), 1))

    def saliency(self, inputs: lenses.Array, labels: np.ndarray) -> lenses.Array:
        self.batches.append(len(inputs))
        assert labels.tolist() == [1] * len(inputs)
        return inputs * 2

    def attention(self, inputs: lenses.Array) -> lenses.Array | None:
        self.batches.append(len(inputs))
        return inputs[:, 0, 0, :2, :2] if self.attends else None


def looked(lens: Notes, shape: tuple[int, ...], samples: int) -> visual.Seen:
    """Return what is seen of samples whose pixels are their numbers."""
    numbers = np.arange(samples, dtype=np.float32).reshape(-1, *[1] * len(shape))
    inputs = np.broadcast_to(numbers, (samples, *shape))
    held = datasets.ArraySplit(inputs, np.arange(samples, dtype=np.int64) % 2)
    return visual.look(lens, held, classes=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(("shape", "most"), [(CLIP, 5), ((1, 8, 8), visual.BATCH)], ids=str)
def test_no_more_samples_are_looked_at_than_there_is_memory_for(
    shape: tuple[int, ...], most: int
) -> None:
    lens = Notes()

    seen = looked(lens, shape, 300)

    assert max(lens.batches) == most
    assert most * 4 * np.prod(shape) <= backends.EVALUATED_BYTES
    assert seen.confusion.tolist() == [[0, 150], [0, 150]]


@pytest.mark.parametrize("attends", [False, True], ids=["no attention", "attention"])
def test_each_sample_is_shown_with_what_is_its_own(attends: bool) -> None:
    seen = looked(Notes(attends=attends), CLIP, 40)

    assert len(seen.samples) == visual.SHOWN
    for each in seen.samples:
        assert (each.inputs == each.number).all()
        assert (each.saliency == 2 * each.number).all()
        assert (each.attention is not None) == attends
        assert each.attention is None or (each.attention == each.number).all()
        assert (each.label, each.said, each.probability) == (each.number % 2, 1, 0.75)
