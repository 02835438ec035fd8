"""The processes of one job, by torch.distributed: gradients, sums, and when all stop."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import distributed, nn

from trainshed_trainer import errors
from trainshed_trainer.training import ranks
from trainshed_trainer.training.pytorch import devices

MEETING = "env://?use_libuv=0"
"""By torchrun's variables; not every build of PyTorch has libuv."""
TIMEOUT = datetime.timedelta(minutes=10)
LEAVING = datetime.timedelta(seconds=10)
"""How long the others may take for the last answer, which nobody reads."""
_WORDS = re.compile(r"gloo|nccl|connection (closed|reset)", re.IGNORECASE)


class Processes(Protocol):
    """What the processes of a job do together."""

    def joined(self, model: nn.Module) -> nn.Module:
        """Return the model whose gradients are the mean of all processes'."""

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes."""

    def mean_buffers(self, model: nn.Module) -> None:
        """Set what the model has counted, such as batch statistics, to the mean of all."""

    def stacked(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensors of all processes, of the host's memory, by their ranks."""

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return whether any was told to stop, and whether any has a checkpoint due.

        At the same call in all processes.
        """

    def reaching(self) -> contextlib.AbstractContextManager[None]:
        """Return what turns an error of not reaching the others into PeersLost."""

    def close(self) -> None:
        """Leave the others."""


class Alone:
    """The only process."""

    def joined(self, model: nn.Module) -> nn.Module:
        """Return the model."""
        return model

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values."""
        return values

    def mean_buffers(self, model: nn.Module) -> None:
        """Leave the model as it is."""

    def stacked(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensor as the only one."""
        return tensor[None]

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return what this process was told."""
        return told, due

    def reaching(self) -> contextlib.AbstractContextManager[None]:
        """Return what does nothing: there is nobody to lose."""
        return contextlib.nullcontext()

    def close(self) -> None:
        """There is nobody to leave."""


class Group:
    """One of several processes; they meet by torchrun's variables."""

    def __init__(self, device: devices.Device) -> None:
        self._device = device
        try:
            backend = "nccl" if device.is_gpu else "gloo"
            distributed.init_process_group(backend, init_method=MEETING, timeout=TIMEOUT)
            # Its own group: the answer is read on the host, and need not wait for the device.
            self._words = distributed.new_group(backend="gloo", timeout=TIMEOUT)
        except (RuntimeError, ValueError) as error:
            raise errors.PeersLost(str(error)) from error
        self._flag = torch.zeros(2, dtype=torch.int32)
        self._asked: distributed.Work | None = None

    def joined(self, model: nn.Module) -> nn.Module:
        """Return the model whose gradients are the mean of all processes'."""
        devices_of = [self._device.device] if self._device.is_gpu else None
        return nn.parallel.DistributedDataParallel(
            model, device_ids=devices_of, broadcast_buffers=False, gradient_as_bucket_view=True
        )

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes."""
        distributed.all_reduce(values)
        return values

    def mean_buffers(self, model: nn.Module) -> None:
        """Set what the model has counted, such as batch statistics, to the mean of all."""
        for buffer in model.buffers():
            if buffer.is_floating_point():
                distributed.all_reduce(buffer)
                buffer /= distributed.get_world_size()

    def stacked(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensors of all processes, of the host's memory, by their ranks."""
        found = [torch.empty_like(tensor) for _ in range(distributed.get_world_size())]
        distributed.all_gather(found, tensor, group=self._words)
        return torch.stack(found)

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return what was asked at the call before: the answer has come meanwhile."""
        stop = keep = 0
        if self._asked is not None:
            self._asked.wait()
            stop, keep = self._flag.tolist()
        # What is kept now is not due once more.
        self._flag[0], self._flag[1] = int(told), int(due and not keep)
        self._asked = distributed.all_reduce(
            self._flag, distributed.ReduceOp.MAX, group=self._words, async_op=True
        )
        return bool(stop), bool(keep)

    @contextlib.contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn an error of not reaching the others into PeersLost."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, distributed.DistError) or _WORDS.search(str(error)):
                raise errors.PeersLost(str(error)) from error
            raise

    def close(self) -> None:
        """Leave the others; the connections end with the process.

        Two that take theirs down at the same time may wait for each other for ever.
        """
        # One that was lost is told of already.
        with contextlib.suppress(RuntimeError):
            if self._asked is not None:
                self._asked.wait(LEAVING)


def join(among: ranks.Ranks, device: devices.Device) -> Processes:
    """Meet the other processes of the job, if there are any."""
    return Group(device) if among.world > 1 else Alone()
