"""The training loop in PyTorch. It knows no model and no data set by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from trainshed_trainer import errors, run, schema
from trainshed_trainer.data import preparing
from trainshed_trainer.models.pytorch import registry
from trainshed_trainer.training import schedules

EVALUATION_BATCH = 1024
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained, on what, and for how long."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss_of: nn.Module
    images: torch.Tensor
    labels: torch.Tensor
    asked: schema.Training
    epoch_steps: int
    total_steps: int

    @property
    def epochs(self) -> int:
        """Return how many epochs are begun."""
        return math.ceil(self.total_steps / self.epoch_steps)


def train(spec: schema.Spec, data: preparing.Prepared) -> None:
    """Train a model on prepared data, evaluate it after each epoch, and tell of both."""
    plan = _plan(spec, data)
    order = torch.Generator().manual_seed(plan.asked.seed)
    with run.Run(total_steps=plan.total_steps) as telling:
        telling.describe(
            framework="pytorch", framework_version=torch.__version__, device="cpu", dtype="float32"
        )
        for epoch in range(1, plan.epochs + 1):
            telling.epoch(epoch)
            _epoch(plan, telling, order)
            if telling.counts.steps < plan.total_steps and telling.stopping:
                return
            accuracy, held_out = evaluate(plan.model, data)
            telling.evaluate(loss=held_out, accuracy=accuracy)


def _plan(spec: schema.Spec, data: preparing.Prepared) -> Plan:
    asked = spec.training
    available = len(data.train_labels)
    preparing.check_batch(asked.batch_size, available)
    epoch_steps = math.ceil(available / asked.batch_size)
    torch.manual_seed(asked.seed)
    model = _model(spec, data)
    images, labels = _tensors(data.train_images, data.train_labels)
    return Plan(
        model=model,
        optimizer=_optimizer(asked.optimizer, model),
        loss_of=nn.CrossEntropyLoss(label_smoothing=asked.loss.label_smoothing),
        images=images,
        labels=labels,
        asked=asked,
        epoch_steps=epoch_steps,
        total_steps=asked.max_steps or (asked.epochs or 1) * epoch_steps,
    )


def _epoch(plan: Plan, telling: run.Run, order: torch.Generator) -> None:
    """Train for one epoch, or for what is left of the steps."""
    plan.model.train()
    step = telling.counts.steps
    shuffled = batches(plan.images, plan.labels, size=plan.asked.batch_size, order=order)
    for inputs, targets in telling.steps(_first(shuffled, plan.total_steps - step)):
        rate = _rate(plan, step)
        for group in plan.optimizer.param_groups:
            group["lr"] = rate
        loss = plan.loss_of(plan.model(inputs), targets)
        plan.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        plan.optimizer.step()
        telling.log(loss=loss, learning_rate=rate)
        step += 1


def _rate(plan: Plan, step: int) -> float:
    asked = plan.asked.optimizer
    factor = schedules.factor(
        step, schedule=asked.schedule, warmup=asked.warmup_steps, total=plan.total_steps
    )
    return asked.learning_rate * factor


def batches(
    images: torch.Tensor, labels: torch.Tensor, *, size: int, order: torch.Generator
) -> Iterator[Batch]:
    """Yield one epoch in a new order; the last batch holds what is left."""
    for chosen in torch.randperm(len(labels), generator=order).split(size):
        yield images[chosen], labels[chosen]


def evaluate(model: nn.Module, data: preparing.Prepared) -> tuple[float, float]:
    """Return accuracy and mean loss on the held-out split."""
    model.eval()
    images, labels = _tensors(data.test_images, data.test_labels)
    right, total = 0, 0.0
    with torch.inference_mode():
        for inputs, targets in zip(
            images.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True
        ):
            logits = model(inputs)
            right += int((logits.argmax(1) == targets).sum())
            total += float(nn.functional.cross_entropy(logits, targets, reduction="sum"))
    return right / len(labels), total / len(labels)


def _first(source: Iterator[Batch], count: int) -> Iterator[Batch]:
    for _, batch in zip(range(count), source, strict=False):
        yield batch


def _model(spec: schema.Spec, data: preparing.Prepared) -> nn.Module:
    build = registry.MODELS.get(spec.model.name)
    if build is None:
        known = ", ".join(registry.MODELS)
        raise errors.ConfigurationError(
            f"there is no model {spec.model.name!r}, only {known}", reason="InvalidSpec"
        )
    assert isinstance(spec.model.params, schema.CnnParams)
    return build(spec.model.params, data.train_images.shape[1:], data.classes)


def _optimizer(asked: schema.Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    rate, decay = asked.learning_rate, asked.weight_decay
    if asked.name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate, weight_decay=decay, momentum=0.9)
    if asked.name == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    return torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)


def _tensors(images: preparing.Images, labels: preparing.Labels) -> Batch:
    pixels = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    return pixels, torch.from_numpy(labels)
