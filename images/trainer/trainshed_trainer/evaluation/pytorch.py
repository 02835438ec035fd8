"""Looks into a PyTorch model."""

from __future__ import annotations

import copy
from typing import Any

import torch
from numpy.typing import NDArray
from torch.nn import attention
from torch.utils import flop_counter

from trainshed_trainer import schema
from trainshed_trainer.evaluation import lenses, tracking
from trainshed_trainer.models.pytorch import cnn_attention
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

    def attention(self, inputs: lenses.Array) -> lenses.Array | None:
        """Return (n, rows, columns): the share of attention that each place has."""
        seen: list[torch.Tensor] = []
        hooks = [
            module.register_forward_pre_hook(
                lambda module, given: seen.append(_shares(module, *given))
            )
            for module in self._model.modules()
            if isinstance(module, cnn_attention.SpatialAttention)
        ]
        with torch.no_grad():
            self._model(torch.from_numpy(inputs))
        for hook in hooks:
            hook.remove()
        return seen[-1].numpy() if seen else None

    def layers(self) -> list[lenses.Layer]:
        """Return the layers in order."""
        return tracking.layers(self._model, self._one)

    def parameters(self) -> int:
        """Return how many numbers are learned."""
        return sum(each.numel() for each in self._model.parameters() if each.requires_grad)

    def flops(self) -> int:
        """Return the operations of one sample's forward pass: of products and convolutions."""
        # The counter does not know oneDNN's fused layers, nor attention that is fused on a CPU.
        with (
            torch.backends.mkldnn.flags(enabled=False),
            attention.sdpa_kernel(attention.SDPBackend.MATH),
            flop_counter.FlopCounterMode(display=False) as counted,
            torch.no_grad(),
        ):
            self._model(self._one)
        return int(counted.get_total_flops())


def _shares(layer: cnn_attention.SpatialAttention, maps: torch.Tensor) -> torch.Tensor:
    """Return (n, height, width), each of which sums to 1, of maps (n, channels, height, width)."""
    count, channels, height, width = maps.shape
    taken = layer.taken(layer.norm(maps.flatten(2).transpose(1, 2)))
    parts = taken.view(count, height * width, 3, layer.heads, channels // layer.heads)
    query, key, _ = parts.permute(2, 0, 3, 1, 4)
    shares = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
    return shares.mean((1, 2)).view(count, height, width)
