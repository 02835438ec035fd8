"""A fake of dcgm-exporter: one GPU of one pod, with as many of its figures as a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

import prometheus_client
from prometheus_client import core, registry

WITHOUT_PROFILING = {"DCGM_FI_DEV_GPU_UTIL": 100.0, "DCGM_FI_DEV_POWER_USAGE": 410.0}
WITH_PROFILING = {
    **WITHOUT_PROFILING,
    "DCGM_FI_DEV_FB_USED": 61_440.0,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 5_000_000.0,
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.92,
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.41,
}
"""What it has by its list of profiling counters."""
GPU = {"gpu": "0", "UUID": "GPU-a", "device": "nvidia0", "Hostname": "gpu-1"}


class FakeDcgm(registry.Collector):
    """Tells `figures`, which a test may change, of the GPU that a pod has."""

    def __init__(self, pod: Mapping[str, str]) -> None:
        """`pod`: its namespace and name, as the exporter labels them."""
        self.figures: Mapping[str, float] = {}
        self._labels = {**GPU, **pod}

    def collect(self) -> Iterator[core.Metric]:
        """Yield a gauge for each figure, near enough to the counter that one of them is."""
        for name, value in self.figures.items():
            found = core.GaugeMetricFamily(name, "A figure.", labels=tuple(self._labels))
            found.add_metric(tuple(self._labels.values()), value)
            yield found

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve it; yields the port."""
        own = prometheus_client.CollectorRegistry()
        own.register(self)
        served, thread = prometheus_client.start_http_server(0, "127.0.0.1", own)
        try:
            yield int(served.server_port)
        finally:
            served.shutdown()
            served.server_close()
            thread.join()
