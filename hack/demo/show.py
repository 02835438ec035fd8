"""Shows a job while it trains: one line each time that something a person cares for changes."""

from __future__ import annotations

import contextlib
from typing import Any

from hack import apiserver

Body = dict[str, Any]
FINISHED = ("Succeeded", "Failed")


def line(job: Body) -> str:
    """Return one line about a job."""
    status = job.get("status") or {}
    progress = status.get("progress") or {}
    parts = [f"{status.get('phase') or 'Pending':<9}"]
    if progress.get("percent") is not None:
        done = progress["percent"]
        parts.append(f"[{'#' * (done // 5):<20}] {done:3d} %")
    if progress.get("samplesPerSecond"):
        parts.append(f"{progress['samplesPerSecond']:.0f} samples/s")
    if progress.get("loss") is not None:
        parts.append(f"loss {progress['loss']:.4f}")
    for name, value in (progress.get("metrics") or {}).items():
        parts.append(f"{name} {value:.3f}")
    if len(parts) == 1:
        parts.append(_newest(status))
    return "  ".join(parts)


def _newest(status: Body) -> str:
    conditions = status.get("conditions") or [{}]
    last = conditions[-1]
    return f"{last.get('reason', '')}: {last.get('message', '')}" if last.get("reason") else ""


def follow(
    api: apiserver.ApiServer, collection: str, name: str, *, seconds: float, say: Any
) -> Body:
    """Show a job until it has ended and return it; raises TimeoutError."""
    shown = ""
    last: Body = {}
    with contextlib.closing(api.changes(collection, name, seconds=seconds)) as changes:
        for last in changes:
            now = line(last)
            if now != shown:
                say(f"  {now}")
                shown = now
            if (last.get("status") or {}).get("phase") in FINISHED:
                return last
    raise TimeoutError(f"{name} has not ended within {seconds:.0f} s; last: {line(last)}")
