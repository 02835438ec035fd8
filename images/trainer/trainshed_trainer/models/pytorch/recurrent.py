"""Recurrent layers over the frames of a clip, whose last output says the class."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import torch
from torch import nn

WIDE = 512
"""Features from which on a CPU PyTorch's own LSTM is faster than oneDNN's.

oneDNN works out gradients of the inputs that nobody asks for: at 1024 features, twice the time.
"""
CELLS: Mapping[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Last(nn.Module):  # type: ignore[misc]
    """Logits (n, classes) of the last output for frames (n, frames, features)."""

    def __init__(
        self, cell: str, features: int, *, hidden: int, layers: int, dropout: float, classes: int
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.cells = CELLS[cell](features, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.head(self.dropout(self._outputs(frames)[:, -1]))

    def _outputs(self, frames: torch.Tensor) -> torch.Tensor:
        if frames.is_cuda:
            return self.cells(frames)[0]
        # Only few processors have these layers in 16 bits.
        with self._kernels(), torch.autocast("cpu", enabled=False):
            return self.cells(frames.float())[0]

    def _kernels(self) -> contextlib.AbstractContextManager[None]:
        if self.cells.input_size < WIDE:
            return contextlib.nullcontext()
        found: contextlib.AbstractContextManager[None] = torch.backends.mkldnn.flags(enabled=False)
        return found
