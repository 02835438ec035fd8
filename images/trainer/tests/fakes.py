"""A backend without a framework: it notes what the loop asks of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed_trainer.training import ranks


@dataclass
class FakeBatch:
    numbers: Sequence[int]
    samples: int


class FakeBackend:
    """Its loss hangs on every step so far, as that of a model does."""

    info: Mapping[str, str] = {"framework": "fake"}

    def __init__(
        self,
        *,
        size: int,
        among: ranks.Ranks = ranks.ALONE,
        accuracies: Sequence[float] = (),
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        self.size, self.among = size, among
        self.accuracies = list(accuracies)
        self.on_step = on_step
        self.steps: list[list[int]] = []
        self.rates: list[float] = []
        self.evaluations = 0
        self.open = 0
        self.partings = 0
        self.weight = 1.0

    def batches(self, order: ranks.Numbers, *, epoch: int) -> Generator[Any, None, None]:
        self.open += 1
        try:
            for each in ranks.portions(order, size=self.size, ranks=self.among):
                yield FakeBatch(each.numbers.tolist(), each.samples)
        finally:
            self.open -= 1

    def step(self, batch: FakeBatch, rate: float) -> float:
        self.steps.append(list(batch.numbers))
        self.rates.append(rate)
        for number in batch.numbers:
            self.weight = (self.weight * 1.01 + number * rate) % 7.0
        if self.on_step is not None:
            self.on_step(len(self.steps))
        return self.weight

    def evaluate(self) -> dict[str, float]:
        self.evaluations += 1
        accuracy = self.accuracies.pop(0) if self.accuracies else 0.5
        return {"accuracy": accuracy, "loss": 1 - accuracy}

    def stops(self, told: bool, *, due: bool) -> tuple[bool, bool]:
        return told, due

    def part(self) -> None:
        self.partings += 1

    def led(self, number: int) -> int:
        return number

    def state(self) -> Mapping[str, bytes]:
        return {"model": json.dumps(self.weight).encode()}

    def restore(self, state: Mapping[str, bytes]) -> None:
        self.weight = json.loads(state["model"])
