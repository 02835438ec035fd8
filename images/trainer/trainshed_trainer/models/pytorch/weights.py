"""The first values of weights; the same statistics in every framework."""

from __future__ import annotations

import torch
from torch import nn


def start(model: nn.Module) -> nn.Module:
    """Give every weight its first value, and return the model.

    Convolutions and linear layers: uniform within 1 / sqrt(fan in), as PyTorch's own, biases 0.
    Recurrent layers: input kernels Glorot uniform, recurrent ones orthogonal, biases 0 but 1 for
    a forget gate.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            limit = module.weight[0].numel() ** -0.5
            nn.init.uniform_(module.weight, -limit, limit)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNNBase):
            _recurrent(module)
    return model


def _recurrent(module: nn.RNNBase) -> None:
    for name, weight in module.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(weight)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(weight)
        else:
            nn.init.zeros_(weight)
            # There are two biases that are added: one is enough to learn.
            weight.requires_grad_(name.startswith("bias_ih"))
            if name.startswith("bias_ih") and isinstance(module, nn.LSTM):
                with torch.no_grad():
                    weight[module.hidden_size : 2 * module.hidden_size] = 1.0
