"""What is compared: models, frameworks, and how long each trains."""

from __future__ import annotations

FRAMEWORKS = ("pytorch", "tensorflow")
EPOCHS = {"cnn": 40, "cnn_attention": 40, "lstm": 15, "cnn_lstm": 12}
"""Of each model, long enough to learn what it can. Its accuracy is that of the last one."""
PAIR_EPOCHS = {"cnn": 30, "cnn_attention": 20, "lstm": 6, "cnn_lstm": 3}
"""Of each run of a pair: some seconds, of which the first epoch is not timed."""
QUICK = {"cnn": 5, "cnn_attention": 5, "lstm": 2, "cnn_lstm": 2}
PAIRS, QUICK_PAIRS = 5, 1
SEEDS, QUICK_SEEDS = 3, 1
CLIPS = ("lstm", "cnn_lstm")
