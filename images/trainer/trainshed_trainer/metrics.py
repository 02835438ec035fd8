"""The run's series for Prometheus, in a registry of their own.

Counters are counted in the process and rates are left to PromQL. Every series exists from the
start: a counter that appears late loses its first jump.
"""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trainshed_trainer import counting, gpus, standing

INFO = ("framework", "framework_version", "device", "dtype", "world_size")
COUNTER, GAUGE = "Counter", "Gauge"
ACCELERATORS = (
    (GAUGE, "memory_used_bytes", "Memory in use.", "memory_used"),
    (GAUGE, "memory_total_bytes", "Memory that there is.", "memory_total"),
    (GAUGE, "power_watts", "Power.", "power"),
    (GAUGE, "utilization_ratio", "Share of time in which something is on it.", "utilization"),
    (COUNTER, "energy_joules", "Energy since this process began.", "energy"),
)
LONGEST_LINGER = 2.0
"""Seconds between scrapes up to which a process waits for one more when it ends."""


class _Scrapes:
    """Notes when it is collected: a scrape, told apart from nothing else that reads a registry."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.happened = threading.Event()

    def collect(self) -> list[Any]:
        """Note a scrape; there is nothing to serve."""
        self.times = [*self.times[-1:], time.monotonic()]
        self.happened.set()
        return []

    def wait(self) -> None:
        """Wait for the next scrape where scrapes come so often that it costs little."""
        if len(self.times) < 2:
            return
        interval = self.times[1] - self.times[0]
        if interval <= LONGEST_LINGER:
            self.happened.clear()
            self.happened.wait(interval * 1.5)


class Series:
    """The series of one process, made when they are scraped: a step only counts.

    `client` is the prometheus_client package; `at`: how the run stands; `devices` reads its GPUs.
    """

    def __init__(
        self,
        client: Any,
        at: standing.Standing,
        *,
        labels: Mapping[str, str],
        devices: Callable[[], Sequence[gpus.Reading]],
    ) -> None:
        self.registry = client.CollectorRegistry()
        self._at = at
        self._devices = devices
        self._client = client
        self._families = client.metrics_core
        self._labels = labels
        self._info: Mapping[str, str] = {}
        self._scrapes = _Scrapes()
        self.registry.register(self)
        # Last, so that a scrape is noted once it has everything.
        self.registry.register(self._scrapes)

    def collect(self) -> Iterator[Any]:
        """Yield every family, as prometheus_client asks a collector for them."""
        at, counts = self._at, self._at.counts
        one = self._one
        yield one(COUNTER, "training_samples", "Samples trained on.", counts.samples)
        yield one(COUNTER, "training_steps", "Optimiser steps.", counts.steps)
        yield one(
            COUNTER,
            "training_seconds",
            "Seconds in training: steps and their waits for data.",
            counts.training_seconds,
        )
        yield one(COUNTER, "training_step_seconds", "Seconds in steps.", counts.step_seconds)
        yield one(
            COUNTER,
            "training_data_wait_seconds",
            "Seconds spent waiting for data.",
            counts.data_wait_seconds,
        )
        yield one(
            COUNTER,
            "training_metrics_dropped",
            "Evaluation metrics without a series: too many names.",
            at.dropped,
        )
        yield self._durations()
        yield one(GAUGE, "training_epoch", "Epochs begun.", at.epoch)
        yield one(GAUGE, "training_step", "The present step.", at.step)
        yield one(
            GAUGE, "training_target_steps", "Steps until the end; 0: not known.", at.total or 0
        )
        yield one(GAUGE, "training_learning_rate", "The present learning rate.", at.rate or 0.0)
        # Read only now: reading a tensor may wait for the device.
        losses = {"train": at.loss_value()}
        if at.held_out_loss is not None:
            losses["eval"] = at.held_out_loss
        yield self._many("training_loss", "Last loss.", "split", losses)
        yield self._many("training_eval_metric", "Last evaluation.", "name", dict(at.evaluated))
        yield from self._accelerators()
        if self._info:
            info = self._family(
                GAUGE, "training_process_info", "What this process is; always 1.", *self._info
            )
            info.add_metric((*self._labels.values(), *self._info.values()), 1)
            yield info

    def _accelerators(self) -> Iterator[Any]:
        """Yield what the GPUs tell, each figure by its own metric; nothing where there is none."""
        found = self._devices()
        for kind, name, text, field in ACCELERATORS:
            told = {each.device: getattr(each, field) for each in found}
            if values := {device: value for device, value in told.items() if value is not None}:
                yield self._many(f"training_accelerator_{name}", text, "device", values, kind=kind)

    def introduce(self, info: Mapping[str, str]) -> None:
        """Say what this process is; what is not said is empty."""
        self._info = {name: str(info.get(name, "")) for name in INFO}

    def serve(self, port: int) -> Callable[[], None]:
        """Serve /metrics on a port; return what ends it."""
        server, thread = self._client.start_http_server(port, registry=self.registry)

        def close() -> None:
            # The counts after the last scrape would else be lost to Prometheus.
            self._scrapes.wait()
            server.shutdown()
            server.server_close()
            thread.join(timeout=1)

        return close

    def _family(self, kind: str, name: str, text: str, *labels: str) -> Any:
        made = getattr(self._families, f"{kind}MetricFamily")
        return made(name, text, labels=(*self._labels, *labels))

    def _one(self, kind: str, name: str, text: str, value: float) -> Any:
        family = self._family(kind, name, text)
        family.add_metric(tuple(self._labels.values()), value)
        return family

    def _many(
        self, name: str, text: str, label: str, values: Mapping[str, float], *, kind: str = GAUGE
    ) -> Any:
        family = self._family(kind, name, text, label)
        for key, value in values.items():
            family.add_metric((*self._labels.values(), key), value)
        return family

    def _durations(self) -> Any:
        counts = self._at.counts
        upto = itertools.accumulate(counts.classes)
        bounds = (*map(str, counting.BOUNDS), "+Inf")
        family = self._family("Histogram", "training_step_duration_seconds", "Seconds of a step.")
        family.add_metric(
            tuple(self._labels.values()),
            buckets=list(zip(bounds, upto, strict=True)),
            sum_value=counts.step_seconds,
        )
        return family


def create(
    at: standing.Standing,
    *,
    trainingjob: str,
    rank: int,
    fold: int | None = None,
    devices: Callable[[], Sequence[gpus.Reading]] = tuple,
) -> Series | None:
    """Return the series; None where prometheus_client is not installed.

    `devices` says what the process's GPUs say now.
    """
    try:
        client = importlib.import_module("prometheus_client")
    except ImportError:
        return None
    labels = {"trainingjob": trainingjob, "rank": str(rank)}
    if fold is not None:
        # Every fold of a cross-validation is rank 0.
        labels["fold"] = str(fold)
    return Series(client, at, labels=labels, devices=devices)
