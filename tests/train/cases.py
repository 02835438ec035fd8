"""What is compared: models, frameworks, and how long each trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FRAMEWORKS = ("pytorch", "tensorflow")
PAIR_EPOCHS = {"cnn": 90, "cnn_attention": 20, "lstm": 6, "cnn_lstm": 2}
"""Of each run of a pair: some seconds, of which the first epoch is not timed."""
MODELS = tuple(PAIR_EPOCHS)
QUICK = {"cnn": 5, "cnn_attention": 5, "lstm": 2, "cnn_lstm": 2}
PAIRS = {"cnn": 15, "cnn_attention": 7, "lstm": 5, "cnn_lstm": 5}
QUICK_PAIRS = 1
SEEDS, QUICK_SEEDS = 3, 1
PARTS = ("pairs", "learnt", "costs", "feeding")
"""Speed beside the plain scripts; accuracy; what `Run` and checkpoints cost; decoding."""
FED = {"small": 64, "photos": 224}
"""Sets of JPEG files, and the side that their images are resized to."""
FED_BESIDE: Mapping[str, Mapping[str, Sequence[str]]] = {
    "pytorch": {"plain": ()},
    "tensorflow": {"plain": (), "antialias": ("--antialias",)},
}
"""The plain scripts, and what each is told. tf.image.resize aliases unless it is told not to."""
FED_ROUNDS = 5
CLIPS = ("lstm", "cnn_lstm")
