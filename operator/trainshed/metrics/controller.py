"""What the operator says of itself. Its parts are told by plain calls and know no Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import prometheus_client
from prometheus_client import registry

from trainshed.metrics import names


class Controller:
    """The operator's own metrics, in the registry that is passed in, or in a new one."""

    def __init__(
        self,
        into: registry.CollectorRegistry | None = None,
        *,
        push_results: Iterable[str],
    ) -> None:
        """`push_results`: the ends of a push, so that each has a series from the start."""
        into = registry.CollectorRegistry() if into is None else into
        self.registry = into
        # Else each counter and histogram has a second metric that only says when it was made.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        prometheus_client.ProcessCollector(registry=into)
        prometheus_client.PlatformCollector(registry=into)
        self._passes = _histogram(names.RECONCILE_DURATION, into)
        self._errors = _counter(names.RECONCILE_ERRORS, into)
        self._depth = _gauge(names.QUEUE_DEPTH, into)
        self._waits = _histogram(names.QUEUE_WAIT, into)
        self._requests = _counter(names.API_REQUESTS, into)
        self._pushes = _counter(names.PUSHES, into)
        self._lag = _histogram(names.LOOP_LAG, into)
        self._leader = _gauge(names.LEADER, into)
        self._build_seconds = _histogram(names.BUILD_DURATION, into)
        self._builds = _counter(names.BUILDS, into)
        for result in push_results:
            self._pushes.labels(result)

    def passed(self, seconds: float, error: str) -> None:
        """Count a pass; `error`: the class of its error, or nothing."""
        self._passes.observe(seconds)
        if error:
            self._errors.labels(error).inc()

    def taken(self, priority: str, seconds: float) -> None:
        """Count a key that was taken from the queue after so many seconds."""
        self._waits.labels(priority).observe(seconds)

    def queue(self, priority: str, depth: Callable[[], float]) -> None:
        """Ask `depth` for the number of waiting jobs at each scrape."""
        self._depth.labels(priority).set_function(depth)

    def requested(self, verb: str, code: str) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, code).inc()

    def pushed(self, result: str) -> None:
        """Count the end of a push."""
        self._pushes.labels(result).inc()

    def built(self, seconds: float, result: str) -> None:
        """Count a build and how it ended."""
        self._build_seconds.labels(result).observe(seconds)
        self._builds.labels(result).inc()

    def lagged(self, seconds: float) -> None:
        """Count how late the event loop came back."""
        self._lag.observe(seconds)

    def leads(self, leading: bool) -> None:
        """Say whether this process leads."""
        self._leader.set(leading)


def _counter(metric: names.Metric, into: registry.CollectorRegistry) -> prometheus_client.Counter:
    return prometheus_client.Counter(metric.name, metric.help, metric.labels, registry=into)


def _gauge(metric: names.Metric, into: registry.CollectorRegistry) -> prometheus_client.Gauge:
    return prometheus_client.Gauge(metric.name, metric.help, metric.labels, registry=into)


def _histogram(
    metric: names.Metric, into: registry.CollectorRegistry
) -> prometheus_client.Histogram:
    return prometheus_client.Histogram(
        metric.name, metric.help, metric.labels, registry=into, buckets=metric.buckets
    )
