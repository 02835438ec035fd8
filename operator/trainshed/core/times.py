"""Between the API's timestamps and Unix seconds."""

from __future__ import annotations

import datetime


def parse(text: str | None) -> float | None:
    """Return Unix seconds of an RFC 3339 timestamp; None for none."""
    if not text:
        return None
    return datetime.datetime.fromisoformat(text).timestamp()


def render(seconds: float) -> str:
    """Return the RFC 3339 timestamp in whole seconds, as metav1.Time has it."""
    moment = datetime.datetime.fromtimestamp(int(seconds), tz=datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def render_precise(seconds: float) -> str:
    """Return the RFC 3339 timestamp in milliseconds."""
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
