"""Whether the demo's job has shown what the demo is for: a function of what was seen.

A figure of the status is believed only where Prometheus, which had it from the trainer, agrees.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hack.demo import throughput

AGREEMENT = 0.05
ACCURACY = 0.95
TRAINED_SECONDS = 15.0
SCRAPED_SECONDS = 1.5
"""Each second, with what a busy machine adds."""

Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all of it held, and the demo's last lines: what did not, then the figures."""

    held: bool
    lines: tuple[str, ...]


def judge(status: Status, scraped: throughput.Scraped | None, *, applied: float) -> Verdict:
    """Return the verdict on a job that has ended, with its last scrape if there was one.

    `applied`: Unix seconds.
    """
    told = _figure(status, "samplesPerSecond")
    seen = scraped.samples_per_second if scraped else 0.0
    problems = list(_problems(status, scraped))
    last = (
        f"demo: {status['phase']}, {told:.1f} samples/s in status, "
        f"{seen:.1f} samples/s in Prometheus, "
        f"apply to first step {first_step(status, applied):.1f} s"
    )
    return Verdict(not problems, (*(f"demo: {each}" for each in problems), last))


def trained(status: Status) -> float:
    """Return for how many seconds the job trained."""
    return _figure(status, "seconds")


def first_step(status: Status, applied: float) -> float:
    """Return the seconds from our own apply to the end of the first step."""
    timeline = status.get("timeline") or {}
    if timeline.get("toFirstStep") is None:
        return float("nan")
    since = datetime.datetime.fromisoformat(timeline["since"]).timestamp()
    return since + float(timeline["toFirstStep"]) - applied


def _problems(status: Status, scraped: throughput.Scraped | None) -> Iterator[str]:
    if status["phase"] != "Succeeded":
        yield json.dumps(status.get("failure"))
        return
    told, accuracy, seconds = (
        _figure(status, name) for name in ("samplesPerSecond", "accuracy", "seconds")
    )
    if scraped is None:
        yield "Prometheus has no scrape of the job: is it the cluster's own, and does it find pods?"
    elif not told or abs(scraped.samples_per_second / told - 1) > AGREEMENT:
        yield f"the two figures differ by more than {AGREEMENT:.0%}"
    if scraped is not None and scraped.interval > SCRAPED_SECONDS:
        yield f"Prometheus scraped it every {scraped.interval:.1f} s: set its interval to 1 s"
    if accuracy <= ACCURACY:
        yield f"accuracy {accuracy} is not above {ACCURACY}"
    if seconds < TRAINED_SECONDS:
        yield (
            f"it trained for {seconds:.1f} s, and a figure over less than {TRAINED_SECONDS:.0f} s "
            "says little: run the demo again, which then trains for more epochs"
        )


def _figure(status: Status, name: str) -> float:
    return float((status.get("result") or {}).get(name) or 0)
