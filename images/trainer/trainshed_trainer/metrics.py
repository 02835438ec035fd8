"""The run's series for Prometheus, in a registry of their own.

Counters are counted in the process and rates are left to PromQL. Every series exists from the
start: a counter that appears late loses its first jump.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

INFO = ("framework", "framework_version", "device", "dtype", "world_size")
BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
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
    """The series of one process. `client` is the prometheus_client package."""

    def __init__(
        self, client: Any, *, trainingjob: str, rank: int, fold: int | None = None
    ) -> None:
        client.disable_created_metrics()
        self.registry = client.CollectorRegistry()
        self._labels = {"trainingjob": trainingjob, "rank": str(rank)}
        if fold is not None:
            # Every fold of a cross-validation is rank 0.
            self._labels["fold"] = str(fold)
        self._client = client
        self._scrapes = _Scrapes()
        self.samples = self._counter("training_samples", "Samples trained on.")
        self.steps = self._counter("training_steps", "Optimiser steps.")
        self.seconds = self._counter(
            "training_seconds", "Seconds in training: steps and their waits for data."
        )
        self.step_seconds = self._counter("training_step_seconds", "Seconds in steps.")
        self.wait_seconds = self._counter(
            "training_data_wait_seconds", "Seconds spent waiting for data."
        )
        self.dropped = self._counter(
            "training_metrics_dropped", "Evaluation metrics without a series: too many names."
        )
        self.durations = client.Histogram(
            "training_step_duration_seconds",
            "Seconds of a step.",
            tuple(self._labels),
            registry=self.registry,
            buckets=BUCKETS,
        ).labels(**self._labels)
        self.epoch = self._gauge("training_epoch", "Epochs begun.")
        self.step = self._gauge("training_step", "The present step.")
        self.target = self._gauge("training_target_steps", "Steps until the end; 0: not known.")
        self.rate = self._gauge("training_learning_rate", "The present learning rate.")
        self._loss = self._gauge_of("training_loss", "Last loss.", "split")
        self._evaluated = self._gauge_of("training_eval_metric", "Last evaluation.", "name")
        self._info = client.Gauge(
            "training_process_info",
            "What this process is; always 1.",
            (*self._labels, *INFO),
            registry=self.registry,
        )
        # Last, so that a scrape is noted once it has everything.
        self.registry.register(self._scrapes)

    def loss(self, split: str, read: Callable[[], float]) -> None:
        """Have the loss read when it is scraped: reading a tensor may wait for the device."""
        self._loss.labels(**self._labels, split=split).set_function(read)

    def evaluated(self, name: str, value: float) -> None:
        """Set an evaluation metric; the caller bounds the names."""
        self._evaluated.labels(**self._labels, name=name).set(value)

    def describe(self, info: Mapping[str, str]) -> None:
        """Say what this process is; what is not said is empty."""
        given = {name: str(info.get(name, "")) for name in INFO}
        self._info.clear()
        self._info.labels(**self._labels, **given).set(1)

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

    def _counter(self, name: str, text: str) -> Any:
        counter = self._client.Counter(name, text, tuple(self._labels), registry=self.registry)
        return counter.labels(**self._labels)

    def _gauge(self, name: str, text: str) -> Any:
        gauge = self._client.Gauge(name, text, tuple(self._labels), registry=self.registry)
        return gauge.labels(**self._labels)

    def _gauge_of(self, name: str, text: str, label: str) -> Any:
        return self._client.Gauge(name, text, (*self._labels, label), registry=self.registry)


def create(*, trainingjob: str, rank: int, fold: int | None = None) -> Series | None:
    """Return the series; None where prometheus_client is not installed."""
    try:
        client = importlib.import_module("prometheus_client")
    except ImportError:
        return None
    return Series(client, trainingjob=trainingjob, rank=rank, fold=fold)
