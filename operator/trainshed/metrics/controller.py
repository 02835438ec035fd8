"""What the operator says of itself. Its parts are told by plain calls and know no Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import prometheus_client
from prometheus_client import registry

from trainshed.builds import measures
from trainshed.metrics import kinds, names


class Controller:
    """The operator's own metrics, in the registry that is passed in, or in a new one."""

    def __init__(
        self,
        into: registry.CollectorRegistry | None = None,
        *,
        push_results: Iterable[str],
        build_failures: Iterable[str] = (),
    ) -> None:
        """`push_results`: the ends of a push, so that each has a series from the start.

        `build_failures`: the reasons for which a build may fail.
        """
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
        self._build_phases = _histogram(names.BUILD_PHASES, into)
        self._build_hits = _counter(names.BUILD_HITS, into)
        self._build_bytes = _counter(names.BUILD_BYTES, into)
        self._build_failures = _counter(names.BUILD_FAILURES, into)
        self._collected = _counter(names.TAGS_DELETED, into)
        for result in push_results:
            self._pushes.labels(result)
        for phase in measures.Phase:
            self._build_phases.labels(phase)
        for kind in measures.Hit:
            self._build_hits.labels(kind)
        for result in names.BUILD_RESULTS:
            self._builds.labels(result)
        for reason in build_failures:
            self._build_failures.labels(reason)

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
        """Count a job's build and how it ended: built, found, or a reason of our own."""
        if result not in names.BUILD_RESULTS:
            self._build_failures.labels(result).inc()
            result = names.FAILED
        self._build_seconds.labels(result).observe(seconds)
        self._builds.labels(result).inc()

    def hit(self, kind: str) -> None:
        """Count what a job's build was found by."""
        self._build_hits.labels(kind).inc()

    def collected(self, tags: int) -> None:
        """Count tags of old images that were let go."""
        self._collected.inc(tags)

    def worked(self, phases: Mapping[str, float], sent: int) -> None:
        """Count the work of a build: the seconds of its phases, the bytes that it sent."""
        for phase, seconds in phases.items():
            self._build_phases.labels(phase).observe(seconds)
        self._build_bytes.inc(sent)

    def lagged(self, seconds: float) -> None:
        """Count how late the event loop came back."""
        self._lag.observe(seconds)

    def leads(self, leading: bool) -> None:
        """Say whether this process leads."""
        self._leader.set(leading)


def _counter(metric: kinds.Metric, into: registry.CollectorRegistry) -> prometheus_client.Counter:
    return prometheus_client.Counter(metric.name, metric.help, metric.labels, registry=into)


def _gauge(metric: kinds.Metric, into: registry.CollectorRegistry) -> prometheus_client.Gauge:
    return prometheus_client.Gauge(metric.name, metric.help, metric.labels, registry=into)


def _histogram(
    metric: kinds.Metric, into: registry.CollectorRegistry
) -> prometheus_client.Histogram:
    return prometheus_client.Histogram(
        metric.name, metric.help, metric.labels, registry=into, buckets=metric.buckets
    )
