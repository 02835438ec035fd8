"""Prometheus' text format, for many jobs: one line at a time, families kept together.

prometheus_client's own makes three objects a line and can't be interrupted: thousands of jobs
would hold the event loop for seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from trainshed.metrics import figures, kinds

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def escape(value: str) -> str:
    """Return a label's value as it stands between quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Page:
    """Lines by metric, until they are joined."""

    def __init__(self, metrics: Iterable[kinds.Metric]) -> None:
        """`metrics`: in the order in which they are written."""
        self._lines: dict[kinds.Metric, list[str]] = {each: [] for each in metrics}

    def add(self, common: str, samples: Iterable[figures.Sample]) -> None:
        """Add the series of one job; `common`: its rendered common labels."""
        for metric, own, value in samples:
            if not own:
                line = f"{metric.name}{{{common}}} {value!r}\n"
            else:
                pairs = zip(metric.own, own, strict=True)
                rest = "".join(f',{name}="{escape(text)}"' for name, text in pairs)
                line = f"{metric.name}{{{common}{rest}}} {value!r}\n"
            self._lines[metric].append(line)

    def families(self) -> Iterable[bytes]:
        """Yield each metric's part of the page; metrics without a series have none."""
        for metric, lines in self._lines.items():
            if lines:
                head = f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"
                yield (head + "".join(lines)).encode()


def common(namespace: str, name: str) -> str:
    """Return the labels that all series of a job have."""
    return f'namespace="{escape(namespace)}",trainingjob="{escape(name)}"'
