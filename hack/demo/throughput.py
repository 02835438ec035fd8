"""A job's samples a second as Prometheus has it: two counters of one scrape, divided.

A figure that the status or the operator gives would prove nothing here, so none is read.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import Any

import httpx

SAMPLES = "training_samples_total"
SECONDS = "training_seconds_total"
WINDOW = "30m"


class NoData(Exception):
    """Prometheus has no scrape with both counters."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """Samples a second of the last scrape, and the seconds between scrapes: their median."""

    samples_per_second: float
    interval: float


def from_prometheus(
    url: str,
    *,
    namespace: str,
    job: str,
    since: float,
    transport: httpx.BaseTransport | None = None,
) -> Scraped:
    """Return samples a second over the job's training, from its last scrape after `since`.

    `since`: Unix seconds; an earlier job of the same name proves nothing.
    """
    selector = f'{{namespace="{namespace}",trainingjob="{job}"}}'
    with httpx.Client(transport=transport, timeout=10, trust_env=False) as http:
        samples = scrapes(http, url, f"{SAMPLES}{selector}[{WINDOW}]")
        seconds = scrapes(http, url, f"{SECONDS}{selector}[{WINDOW}]")
    both = sorted(at for at in samples if at in seconds and seconds[at] > 0 and at > since)
    if not both:
        raise NoData(f"Prometheus at {url} has no scrape of {namespace}/{job}")
    gaps = [later - earlier for earlier, later in itertools.pairwise(both)]
    return Scraped(
        samples_per_second=samples[both[-1]] / seconds[both[-1]],
        interval=statistics.median(gaps) if gaps else float("inf"),
    )


def scrapes(http: httpx.Client, url: str, query: str) -> dict[float, float]:
    """Return the values of a range selector by their time, summed over series."""
    answer = http.get(f"{url}/api/v1/query", params={"query": query})
    answer.raise_for_status()
    found: dict[float, float] = {}
    series: list[dict[str, Any]] = answer.json()["data"]["result"]
    for each in series:
        for at, value in each["values"]:
            found[float(at)] = found.get(float(at), 0.0) + float(value)
    return found
