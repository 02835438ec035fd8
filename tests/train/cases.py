"""What is compared: models, frameworks, and how long each trains."""

from __future__ import annotations

FRAMEWORKS = ("pytorch", "tensorflow")
PAIR_EPOCHS = {"cnn": 30, "cnn_attention": 20, "lstm": 6, "cnn_lstm": 2}
"""Of each run of a pair: some seconds, of which the first epoch is not timed."""
MODELS = tuple(PAIR_EPOCHS)
QUICK = {"cnn": 5, "cnn_attention": 5, "lstm": 2, "cnn_lstm": 2}
PAIRS = {"cnn": 15, "cnn_attention": 7, "lstm": 5, "cnn_lstm": 5}
QUICK_PAIRS = 1
SEEDS, QUICK_SEEDS = 3, 1
PARTS = ("pairs", "learnt", "costs")
"""Speed beside the plain scripts; accuracy; what `Run` and checkpoints cost."""
CLIPS = ("lstm", "cnn_lstm")
