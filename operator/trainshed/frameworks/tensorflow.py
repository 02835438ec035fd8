"""TensorFlow: how its built-in models are started."""

from __future__ import annotations

from collections.abc import Sequence

ENTRY_POINT: Sequence[str] = ("python3", "-m", "trainshed_trainer.train")
"""Trains the built-in model that TRAINSHED_SPEC_FILE describes."""
