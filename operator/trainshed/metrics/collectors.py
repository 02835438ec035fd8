"""Serves the jobs in the cache as series, without any state of its own for a job.

A series lives while its job is in the cache, and no longer than the retention past its end:
nothing has to be removed, so nothing can be forgotten.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from prometheus_client import core, registry

from trainshed.core import observed
from trainshed.metrics import exposition, figures, names

LARGE_FLEET = 2000
KEEP_SECONDS = 10.0
"""How long the page of a large fleet is served again."""
SLICE_SECONDS = 0.005
"""How long the event loop is held at a time."""


class Jobs(Protocol):
    """The cache, as far as the collector needs it."""

    def jobs(self) -> Iterable[observed.TrainingJobView]:
        """Return all TrainingJobs."""

    def observe(self, key: observed.JobKey) -> observed.Observation | None:
        """Return all that is known of one; None when it is gone."""


class JobCollector(registry.Collector):
    """The series of all jobs: `collect` as prometheus_client has it, `render` for a server."""

    def __init__(
        self,
        jobs: Jobs,
        *,
        retention: float,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.perf_counter,
        large_fleet: int = LARGE_FLEET,
    ) -> None:
        """`retention`: seconds past a job's end. `clock`: Unix time."""
        self._jobs = jobs
        self._retention = retention
        self._clock = clock
        self._timer = timer
        self._large_fleet = large_fleet
        self._page: Sequence[bytes] = ()
        self._rendered = float("-inf")
        self._lock = asyncio.Lock()

    def collect(self) -> Iterator[core.Metric]:
        """Yield the metrics of all jobs, at once: for small fleets and for comparison."""
        families = {each: core.Metric(each.name, each.help, each.kind) for each in names.JOB}
        for view in self._jobs.jobs():
            for metric, own, value in self._samples(view):
                labels = dict(zip(metric.labels, (*view.key, *own), strict=True))
                families[metric].add_sample(metric.name, labels, value)
        yield from (each for each in families.values() if each.samples)

    async def render(self) -> Sequence[bytes]:
        """Return the page in parts; other tasks run every few milliseconds meanwhile."""
        async with self._lock:
            if self._page and self._timer() - self._rendered < KEEP_SECONDS:
                return self._page
            page, count = await self._rendering()
            keep = count > self._large_fleet
            self._page, self._rendered = (page, self._timer()) if keep else ((), 0.0)
            return page

    async def _rendering(self) -> tuple[Sequence[bytes], int]:
        page, count = exposition.Page(names.JOB), 0
        held = self._timer()
        for view in tuple(self._jobs.jobs()):
            page.add(exposition.common(*view.key), self._samples(view))
            count += 1
            if self._timer() - held > SLICE_SECONDS:
                await asyncio.sleep(0)
                held = self._timer()
        parts = []
        for family in page.families():
            parts.append(family)
            await asyncio.sleep(0)
        return parts, count

    def _samples(self, view: observed.TrainingJobView) -> Iterable[figures.Sample]:
        seen = self._jobs.observe(view.key)
        if seen is None:
            return ()
        found = figures.stored(seen.job)
        if figures.expired(found, now=self._clock(), retention=self._retention):
            return ()
        return figures.samples(seen, found)
