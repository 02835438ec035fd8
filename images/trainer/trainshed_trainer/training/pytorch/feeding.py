"""Batches on the device: cut from tensors that lie there, or made while the device works."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trainshed_trainer.data import pipelines
from trainshed_trainer.training import backends, ranks
from trainshed_trainer.training.pytorch import devices

LARGEST_SHARE = 0.3
"""Of a GPU's free memory that a data set may take."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs (n, *shape) and labels (n,); `samples`: of this step in all processes."""

    inputs: torch.Tensor
    labels: torch.Tensor
    samples: int


class Feed(Protocol):
    """Makes batches of sample numbers."""

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""


class Resident:
    """All samples lie in memory, channels last."""

    def __init__(
        self, inputs: NDArray[np.float32], labels: NDArray[np.int64], device: devices.Device
    ) -> None:
        channel = inputs.ndim - 3
        stored = torch.from_numpy(inputs).movedim(channel, -1).contiguous()
        self._inputs = stored.to(device.device)
        self._labels = torch.from_numpy(labels).to(device.device)
        self._channel = channel
        self._device = device.device

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""
        if not portions:
            return
        numbers = torch.from_numpy(np.concatenate([each.numbers for each in portions]))
        parts = numbers.to(self._device).split([len(each.numbers) for each in portions])
        for part, portion in zip(parts, portions, strict=True):
            inputs = self._inputs.index_select(0, part).movedim(-1, self._channel)
            yield Batch(inputs, self._labels.index_select(0, part), portion.samples)


class Streamed:
    """Samples are decoded while the device works on those before."""

    def __init__(self, split: backends.Split, device: devices.Device) -> None:
        self._split = split
        self._device = device

    def batches(self, portions: list[ranks.Portion], *, epoch: int) -> Generator[Batch, None, None]:
        """Yield a batch for each portion."""
        if not portions:
            return
        order = np.concatenate([each.numbers for each in portions])
        # All but the last portion are of one size.
        size = len(portions[0].numbers)
        with contextlib.closing(
            pipelines.batches(self._split, order, size=size, epoch=epoch)
        ) as made:
            for (inputs, labels), portion in zip(made, portions, strict=True):
                yield Batch(
                    self._moved(torch.from_numpy(inputs)),
                    self._moved(torch.from_numpy(labels)),
                    portion.samples,
                )

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        if not self._device.is_gpu:
            return tensor
        return tensor.pin_memory().to(self._device.device, non_blocking=True)


def feed(split: backends.Split, device: devices.Device) -> Feed:
    """Return the fastest feed that a split allows on a device."""
    inputs = split.whole()
    if inputs is None or (device.is_gpu and inputs.nbytes > LARGEST_SHARE * _free(device)):
        return Streamed(split, device)
    return Resident(inputs, split.labels, device)


def _free(device: devices.Device) -> int:
    free, _ = torch.cuda.mem_get_info(device.device)
    return int(free)
