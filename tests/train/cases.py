"""What is compared: models, frameworks, and how long each trains."""

from __future__ import annotations

FRAMEWORKS = ("pytorch", "tensorflow")
EPOCHS = {"cnn": 60, "cnn_attention": 40, "lstm": 15, "cnn_lstm": 12}
"""Of each model, long enough to learn what it can: some seconds or more."""
QUICK = {"cnn": 10, "cnn_attention": 5, "lstm": 2, "cnn_lstm": 2}
PAIRS, QUICK_PAIRS = 5, 1
SEEDS = 3
CLIPS = ("lstm", "cnn_lstm")
