"""A model, its optimiser and its data in PyTorch, as the loop knows them."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch
from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.models.pytorch import registry
from trainshed_trainer.training import backends, ranks, weights
from trainshed_trainer.training.pytorch import (
    devices,
    feeding,
    losses,
    optimizers,
    processes,
    states,
)


def open(
    spec: schema.Spec, prepared: backends.Prepared, *, among: ranks.Ranks = ranks.ALONE
) -> Backend:
    """Return a backend that trains what the spec says on prepared data."""
    return Backend(spec, prepared, among=among)


class Backend:
    """Trains one model on one device, together with the other processes of the job."""

    def __init__(
        self, spec: schema.Spec, prepared: backends.Prepared, *, among: ranks.Ranks
    ) -> None:
        asked = spec.training
        self._among = among
        self._size = asked.batch_size
        self._classes = len(prepared.classes)
        self._device = devices.choose(asked, local=among.local)
        torch.manual_seed(asked.seed)
        model = registry.build(spec.model, prepared.train.shape, self._classes)
        self._bare = model.to(self._device.device, memory_format=torch.channels_last)
        self._processes = processes.join(among, self._device)
        joined = self._processes.joined(self._bare)
        self._model = devices.compiled(joined, asked.compile, self._device)
        self._updater = optimizers.Updater(asked.optimizer, self._bare, self._device.scaler())
        self._loss = self._loss_of(asked.loss, prepared.train)
        self._train = feeding.feed(prepared.train, self._device)
        self._held = feeding.feed(prepared.held, self._device)
        self._held_portions = backends.held_portions(
            prepared.held, trained=self._size // among.world, among=among
        )
        # Processes drop other units of the same model.
        torch.manual_seed(asked.seed + among.rank)

    @property
    def info(self) -> Mapping[str, str]:
        """framework, framework_version, device, dtype."""
        return {
            "framework": "pytorch",
            "framework_version": torch.__version__,
            "device": self._device.name,
            "dtype": str(self._device.dtype).removeprefix("torch."),
        }

    @property
    def model(self) -> nn.Module:
        """Return the model itself, without what joins or compiles it."""
        return self._bare

    def batches(self, order: ranks.Numbers, *, epoch: int) -> Generator[feeding.Batch, None, None]:
        """Yield this process's part of each step of an epoch, or of what is left of it."""
        self._model.train()
        portions = list(ranks.portions(order, size=self._size, ranks=self._among))
        return self._train.batches(portions, epoch=epoch)

    def step(self, batch: feeding.Batch, rate: float) -> torch.Tensor:
        """Take one optimiser step; return the loss of this process's part."""
        with self._processes.reaching():
            with self._device.casting():
                logits = self._model(batch.inputs)
            loss = self._loss(logits.float(), batch.labels)
            own = len(batch.labels) * self._among.world
            # The mean of all processes' gradients is to be that of all samples.
            scaled = loss if own == batch.samples else loss * (own / batch.samples)
            self._updater.step(scaled, rate)
        return loss.detach()

    def evaluate(self) -> dict[str, float]:
        """Return accuracy and mean cross entropy on the held-out split, of all processes."""
        with self._processes.reaching():
            self._processes.mean_buffers(self._bare)
            right, lost, count = self._processes.sum(self._sums()).tolist()
        return {"accuracy": right / count, "loss": lost / count}

    def _sums(self) -> torch.Tensor:
        """Return right answers, losses and samples of this process's held-out part."""
        self._bare.eval()
        count = float(sum(each.samples for each in self._held_portions))
        sums = torch.tensor([0.0, 0.0, count], dtype=torch.float64, device=self._device.device)
        with torch.inference_mode():
            for batch in self._held.batches(self._held_portions, epoch=0):
                with self._device.casting():
                    logits = self._bare(batch.inputs)
                found = nn.functional.cross_entropy(logits.float(), batch.labels, reduction="sum")
                sums[0] += (logits.argmax(1) == batch.labels).sum()
                sums[1] += found
        return sums

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        """Return whether any process was told to stop, and whether all are to keep their state."""
        with self._processes.reaching():
            return self._processes.stops(told, due=due)

    def led(self, number: int) -> int:
        """Return the first process's number."""
        own = number if self._among.first else 0
        with self._processes.reaching():
            return int(self._processes.sum(torch.tensor(own, device=self._device.device)))

    def state(self) -> Mapping[str, bytes]:
        """Return model, optimizer and the random states of all processes, which all call."""
        with self._processes.reaching():
            self._processes.mean_buffers(self._bare)
            random = {
                name: self._processes.stacked(each) for name, each in states.random_state().items()
            }
        return {
            "model": states.packed(self._bare.state_dict()),
            "optimizer": states.packed(self._updater.state()),
            "random": states.packed(random),
        }

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Take over what is given of a state; raises ValueError where it does not fit."""
        found = {name: states.unpacked(data, self._device.device) for name, data in state.items()}
        try:
            if "model" in found:
                self._bare.load_state_dict(found["model"])
            if "optimizer" in found:
                self._updater.restore(found["optimizer"])
            if "random" in found:
                states.set_random_state(found["random"], rank=self._among.rank)
        except (RuntimeError, KeyError, TypeError) as error:
            raise ValueError(f"the state does not fit the model: {error}") from error

    def part(self) -> None:
        """Go: what is sent is the kernel's to deliver."""

    def close(self) -> None:
        """Leave the other processes."""
        self._processes.close()

    def _loss_of(self, asked: schema.Loss, train: backends.Split) -> losses.Loss:
        weighed = None
        if asked.class_weights == "balanced":
            each = weights.balanced(train.labels, self._classes)
            weighed = torch.from_numpy(each).to(self._device.device)
        gamma = asked.gamma if asked.name == "focal" else None
        return losses.build(asked.label_smoothing, weights=weighed, gamma=gamma)
