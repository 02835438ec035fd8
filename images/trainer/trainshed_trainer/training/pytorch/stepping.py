"""Adam's fused step, without what `Optimizer.step` does around it in Python.

Of a small model's step that is a tenth: it looks at every parameter anew, and counts the steps
of each one apart.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import optim


class Adam:
    """Takes the steps of an `Adam` or `AdamW` of one group, fused; its state stays its own."""

    def __init__(self, optimizer: optim.Optimizer) -> None:
        self._optimizer = optimizer
        (group,) = optimizer.param_groups
        self._parameters: list[torch.Tensor] = group["params"]
        self._kernel: Any = (
            torch._fused_adamw_ if isinstance(optimizer, optim.AdamW) else torch._fused_adam_
        )
        self._done: torch.Tensor | None = None
        self._means: list[torch.Tensor] = []
        self._squares: list[torch.Tensor] = []

    def step(self) -> None:
        """Change the parameters by their gradients, as `optimizer.step` does."""
        gradients = [each.grad for each in self._parameters]
        if self._done is None or any(each is None for each in gradients):
            self.forget()
            self._optimizer.step()
            self._remember()
            return
        group = self._optimizer.param_groups[0]  # another one after a state was loaded
        self._done += 1
        self._kernel(
            self._parameters,
            gradients,
            self._means,
            self._squares,
            [],
            [self._done] * len(gradients),
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def forget(self) -> None:
        """Look at the optimiser's state anew, in which each parameter counts its own steps."""
        self._done = None
        for state in self._optimizer.state.values():
            # One tensor for several, as here or from a file, would be counted up for each.
            state["step"] = state["step"].clone()

    def _remember(self) -> None:
        """Take the state's tensors; one count for all, where all have taken the same steps."""
        states = [self._optimizer.state.get(each, {}) for each in self._parameters]
        steps = {float(each["step"]) if each else -1.0 for each in states}
        if len(steps) != 1 or -1.0 in steps:
            return
        self._done = states[0]["step"]
        self._means = [each["exp_avg"] for each in states]
        self._squares = [each["exp_avg_sq"] for each in states]
        for each in states:
            each["step"] = self._done


def lean(optimizer: optim.Optimizer) -> Adam | None:
    """Return what takes an optimiser's steps with less around them; None where nothing does."""
    fused = isinstance(optimizer, optim.Adam | optim.AdamW) and optimizer.defaults.get("fused")
    return Adam(optimizer) if fused else None
