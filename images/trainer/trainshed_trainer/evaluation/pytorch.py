"""Looks into a PyTorch model."""

from __future__ import annotations

import copy
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils import flop_counter

from trainshed_trainer import schema
from trainshed_trainer.evaluation import lenses
from trainshed_trainer.training import backends
from trainshed_trainer.training.pytorch import backend


class Lens:
    """A copy of the trained model on the CPU, in full precision."""

    def __init__(
        self, spec: schema.Spec, prepared: backends.Prepared, trained: backend.Backend
    ) -> None:
        self._model = copy.deepcopy(trained.model).cpu().float().eval()
        self._one = torch.zeros(1, *prepared.held.shape)

    def probabilities(self, inputs: lenses.Array) -> lenses.Array:
        """Return (n, classes) for normalised inputs (n, *shape)."""
        with torch.no_grad():
            found: lenses.Array = self._model(torch.from_numpy(inputs)).softmax(1).numpy()
        return found

    def saliency(self, inputs: lenses.Array, labels: NDArray[Any]) -> lenses.Array:
        """Return gradient times input (n, *shape): what speaks for each label."""
        given = torch.from_numpy(inputs).clone().requires_grad_()
        logits = self._model(given)
        chosen = logits.gather(1, torch.from_numpy(labels)[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, given)
        found: lenses.Array = (gradient * given).detach().numpy()
        return found

    def layers(self) -> list[lenses.Layer]:
        """Return the layers in order."""
        found: list[lenses.Layer] = []

        def note(name: str, module: nn.Module, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            count = sum(each.numel() for each in module.parameters() if each.requires_grad)
            found.append(lenses.Layer(name, type(module).__name__, tuple(tensor.shape[1:]), count))

        hooks = [
            module.register_forward_hook(
                lambda module, _, output, name=name: note(name, module, output)
            )
            for name, module in self._model.named_modules()
            if not any(module.children())
        ]
        with torch.no_grad():
            self._model(self._one)
        for hook in hooks:
            hook.remove()
        return found

    def parameters(self) -> int:
        """Return how many numbers are learned."""
        return sum(each.numel() for each in self._model.parameters() if each.requires_grad)

    def flops(self) -> int:
        """Return the operations of one sample's forward pass: of products and convolutions."""
        # The counter does not know oneDNN's fused layers.
        with (
            torch.backends.mkldnn.flags(enabled=False),
            flop_counter.FlopCounterMode(display=False) as counted,
            torch.no_grad(),
        ):
            self._model(self._one)
        return int(counted.get_total_flops())
