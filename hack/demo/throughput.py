"""A job's samples a second as Prometheus has it: two counters of one scrape, divided.

A figure that the status or the operator gives would prove nothing here, so none is read.
"""

from __future__ import annotations

from typing import Any

import httpx

SAMPLES = "training_samples_total"
SECONDS = "training_seconds_total"
WINDOW = "30m"


class NoData(Exception):
    """Prometheus has no scrape with both counters."""


def from_prometheus(url: str, *, namespace: str, job: str, since: float) -> float:
    """Return samples a second over the job's training, from its last scrape after `since`.

    `since`: Unix seconds; an earlier job of the same name proves nothing.
    """
    selector = f'{{namespace="{namespace}",trainingjob="{job}"}}'
    samples = scrapes(url, f"{SAMPLES}{selector}[{WINDOW}]")
    seconds = scrapes(url, f"{SECONDS}{selector}[{WINDOW}]")
    both = [at for at in samples if at in seconds and seconds[at] > 0 and at > since]
    if not both:
        raise NoData(f"Prometheus at {url} has no scrape of {namespace}/{job}")
    last = max(both)
    return samples[last] / seconds[last]


def scrapes(url: str, query: str) -> dict[float, float]:
    """Return the values of a range selector by their time, summed over series."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=10, trust_env=False)
    answer.raise_for_status()
    found: dict[float, float] = {}
    series: list[dict[str, Any]] = answer.json()["data"]["result"]
    for each in series:
        for at, value in each["values"]:
            found[float(at)] = found.get(float(at), 0.0) + float(value)
    return found
