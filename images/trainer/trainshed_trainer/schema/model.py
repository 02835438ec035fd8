"""`model`: a built-in model and its parameters, each model with its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainshed_trainer import limits

CELLS = ("lstm", "gru", "rnn")
EVEN_KERNEL = ".kernel must be odd, so that a block keeps its size"


@dataclass(frozen=True, slots=True)
class CnnParams:
    """Parameters of `cnn`: the channels of each block, then a hidden layer."""

    channels: tuple[int, ...] = limits.limited((32, 64), at_least=1, at_most=2048)
    hidden: int = limits.limited(128, at_least=1, at_most=16384)
    kernel: int = limits.limited(3, at_least=1, at_most=11)
    dropout: float = limits.limited(0.0, at_least=0, below=1)

    def conflict(self) -> str:
        """Return what the fields are not together."""
        return "" if self.kernel % 2 else EVEN_KERNEL


@dataclass(frozen=True, slots=True)
class CnnAttentionParams:
    """Parameters of `cnn-attention`: `heads` share the channels of the last block."""

    channels: tuple[int, ...] = limits.limited((32, 64), at_least=1, at_most=2048)
    hidden: int = limits.limited(128, at_least=1, at_most=16384)
    kernel: int = limits.limited(3, at_least=1, at_most=11)
    heads: int = limits.limited(4, at_least=1, at_most=64)
    dropout: float = limits.limited(0.0, at_least=0, below=1)

    def conflict(self) -> str:
        """Return what the fields are not together."""
        if self.channels[-1] % self.heads:
            return f".heads must divide the last of channels, {self.channels[-1]}"
        return "" if self.kernel % 2 else EVEN_KERNEL


@dataclass(frozen=True, slots=True)
class LstmParams:
    """Parameters of `lstm`. `dropout`: before the classes and between the layers."""

    cell: str = limits.one_of(*CELLS)
    hidden: int = limits.limited(128, at_least=1, at_most=16384)
    layers: int = limits.limited(1, at_least=1, at_most=8)
    dropout: float = limits.limited(0.0, at_least=0, below=1)


@dataclass(frozen=True, slots=True)
class CnnLstmParams:
    """Parameters of `cnn-lstm`. `features`: what the encoder makes of each frame."""

    channels: tuple[int, ...] = limits.limited((16, 32), at_least=1, at_most=2048)
    kernel: int = limits.limited(3, at_least=1, at_most=11)
    features: int = limits.limited(64, at_least=1, at_most=16384)
    cell: str = limits.one_of(*CELLS)
    hidden: int = limits.limited(128, at_least=1, at_most=16384)
    layers: int = limits.limited(1, at_least=1, at_most=8)
    dropout: float = limits.limited(0.0, at_least=0, below=1)

    def conflict(self) -> str:
        """Return what the fields are not together."""
        return "" if self.kernel % 2 else EVEN_KERNEL


Params = CnnParams | CnnAttentionParams | LstmParams | CnnLstmParams
PARAMS: Mapping[str, type[Params]] = {
    "cnn": CnnParams,
    "cnn-attention": CnnAttentionParams,
    "lstm": LstmParams,
    "cnn-lstm": CnnLstmParams,
}
"""The parameters of each model by its name. A new model is one line here."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model and its parameters."""

    name: str = limits.one_of(*PARAMS)
    params: Params = field(default_factory=CnnParams, metadata=limits.by("name", PARAMS))
