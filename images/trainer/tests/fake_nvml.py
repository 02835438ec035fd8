"""A fake of NVIDIA's library, whose GPUs say what a test has them say."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed_trainer import nvml

GIB = 2**30


@dataclass(eq=False)
class FakeGpu:
    name: str = "GPU-0"
    used: int = 2 * GIB
    total: int = 80 * GIB
    watts: float | None = 300.0
    busy: float | None = 0.5
    joules: float | None = 1_000_000.0
    parts: Sequence[FakeGpu] = ()


@dataclass
class FakeNvml:
    """Has these GPUs; `failing` is what it answers then, and `hanging` has it answer nothing."""

    gpus: Sequence[FakeGpu] = field(default_factory=lambda: [FakeGpu()])
    failing: str = ""
    hanging: threading.Event | None = None
    asked: int = 0

    def devices(self) -> Iterator[nvml.Device]:
        yield from map(nvml.Device, self.gpus)

    def parts(self, device: Any) -> Iterator[nvml.Device]:
        yield from map(nvml.Device, device.parts)

    def uuid(self, device: Any) -> str:
        return str(device.name)

    def memory(self, device: Any) -> tuple[int, int] | None:
        self.asked += 1
        if self.hanging is not None:
            self.hanging.wait()
        if self.failing:
            raise nvml.NvmlError(self.failing)
        return device.used, device.total

    def power(self, device: Any) -> float | None:
        found: float | None = device.watts
        return found

    def utilization(self, device: Any) -> float | None:
        found: float | None = device.busy
        return found

    def energy(self, device: Any) -> float | None:
        found: float | None = device.joules
        return found
