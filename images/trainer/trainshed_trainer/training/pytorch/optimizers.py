"""The optimisers, fused into one kernel where this build of PyTorch has that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn, optim

from trainshed_trainer import schema
from trainshed_trainer.training.pytorch import stepping

RMS_DECAY = 0.9
"""As Keras has it."""


class Updater:
    """Takes optimiser steps, with scaled and clipped gradients where that is asked for."""

    def __init__(
        self, asked: schema.Optimizer, model: nn.Module, scaler: torch.amp.GradScaler | None
    ) -> None:
        self._parameters = [each for each in model.parameters() if each.requires_grad]
        self._clip = asked.clip_norm
        self._scaler = scaler
        self.optimizer = _build(asked, self._parameters)
        self._lean = stepping.lean(self.optimizer) if scaler is None else None

    def step(self, loss: torch.Tensor, rate: float) -> None:
        """Change the weights by the gradients of a loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for each in self._parameters:
            each.grad = None
        scaler = self._scaler
        if scaler is None:
            loss.backward()
            self._limit()
            (self._lean or self.optimizer).step()
            return
        scaler.scale(loss).backward()
        if self._clip is not None:
            scaler.unscale_(self.optimizer)
            self._limit()
        scaler.step(self.optimizer)
        scaler.update()

    def state(self) -> dict[str, Any]:
        """Return all that the next step hangs on, but for weights and gradients."""
        scaling = self._scaler.state_dict() if self._scaler is not None else {}
        return {"state": self.optimizer.state_dict()["state"], "scaler": scaling}

    def restore(self, state: dict[str, Any]) -> None:
        """Take a state over; the options stay those that this run was asked for."""
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        if self._lean is not None:
            self._lean.forget()
        if self._scaler is not None and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])

    def _limit(self) -> None:
        if self._clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._clip)


def _build(asked: schema.Optimizer, parameters: list[nn.Parameter]) -> optim.Optimizer:
    rate, decay = asked.learning_rate, asked.weight_decay
    options: dict[str, Any] = {"lr": rate, "weight_decay": decay}
    if asked.name == "rmsprop":
        return optim.RMSprop(
            parameters, **options, alpha=RMS_DECAY, eps=1e-7, momentum=asked.momentum
        )
    if asked.name == "sgd":
        return _fused(optim.SGD, parameters, {**options, "momentum": asked.momentum})
    return _fused(optim.Adam if asked.name == "adam" else optim.AdamW, parameters, options)


def _fused(
    kind: Callable[..., optim.Optimizer], parameters: Iterable[nn.Parameter], options: Any
) -> optim.Optimizer:
    try:
        return kind(parameters, **options, fused=True)
    except (RuntimeError, TypeError, ValueError):  # older builds fuse on a GPU alone
        return kind(parameters, **options)
