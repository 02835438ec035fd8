"""Finds out which layers of a PyTorch model there are, and which takes whose output."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainshed_trainer.evaluation import lenses


def layers(model: nn.Module, one: torch.Tensor) -> list[lenses.Layer]:
    """Return the layers in the order in which they run on one sample."""
    notes = _Notes()
    hooks = []
    for name, module in model.named_modules():
        if not any(module.children()):
            hooks += [
                module.register_forward_pre_hook(notes.begins),
                module.register_forward_hook(
                    lambda module, _, output, name=name: notes.ends(name, module, output)
                ),
            ]
    with torch.enable_grad():
        model(one.clone().requires_grad_())
    for hook in hooks:
        hook.remove()
    return notes.layers


class _Notes:
    """What is noted while a model runs: autograd knows where each tensor comes from."""

    def __init__(self) -> None:
        self.layers: list[lenses.Layer] = []
        self._makers: dict[Any, str] = {}
        self._after: tuple[str, ...] = ()

    def begins(self, module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        """Note where a layer's inputs come from, before it changes them in place."""
        found: list[str] = []
        left, seen = [each.grad_fn for each in given], set()
        while left:
            node = left.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if node in self._makers:
                found.append(self._makers[node])
            else:
                left += [each for each, _ in node.next_functions]
        order = [each.name for each in self.layers]
        self._after = tuple(sorted(set(found), key=order.index))

    def ends(self, name: str, module: nn.Module, output: Any) -> None:
        """Note a layer and what it has made."""
        tensor = output[0] if isinstance(output, tuple) else output
        self._makers[tensor.grad_fn] = name
        count = sum(each.numel() for each in module.parameters() if each.requires_grad)
        shape = tuple(tensor.shape[1:])
        self.layers.append(lenses.Layer(name, type(module).__name__, shape, count, self._after))
