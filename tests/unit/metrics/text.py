"""Reads and lints pages of Prometheus' text format."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

from prometheus_client import parser

PROMTOOL = shutil.which("promtool")

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(page: str) -> Series:
    """Return every series of a page by its name and labels."""
    found: Series = {}
    for family in parser.text_string_to_metric_families(page):
        for each in family.samples:
            key = (each.name, tuple(sorted(each.labels.items())))
            assert key not in found, f"{key} appears twice"
            found[key] = each.value
    return found


def of(page: str, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return the series of one name by the values of some labels."""
    return {
        tuple(dict(pairs)[each] for each in labels): value
        for (found, pairs), value in series(page).items()
        if found == name
    }


def joined(parts: Iterable[bytes]) -> str:
    """Return the page whose parts these are."""
    return b"".join(parts).decode()


def lint(page: str) -> str:
    """Return what `promtool check metrics` has to say."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=page, text=True, capture_output=True, check=False
    )
    return done.stdout + done.stderr
