"""What all bodies of the API server have in tests: names, moments, and words that set them."""

from __future__ import annotations

import copy
from typing import Any, Self

from trainshed.core import times

Body = dict[str, Any]

T0 = 1_790_000_000.0
NAMESPACE, NAME, UID = "default", "gestures", "uid-1"
WORKLOAD_UID, POD_UID = "job-uid-1", "pod-uid-1"
BASE = "registry.example/trainshed/pytorch@sha256:" + "b" * 64
TENSORFLOW_BASE = "registry.example/trainshed/tensorflow@sha256:" + "c" * 64
IMAGE = "registry.example/trainshed/default@sha256:" + "a" * 64


def at(seconds: float) -> str:
    """Return the API server's timestamp of a moment."""
    return times.render(T0 + seconds)


def account_document(**fields: Any) -> Body:
    """Return the final account of a run of 100 steps, as its termination message has it."""
    figures = {"steps": 100, "epochs": 5, "samples": 6400, "loss": 0.1}
    speed = {"trainingSeconds": 8.0, "samplesPerSecond": 800.0, "metrics": {"accuracy": 0.97}}
    moments = {"startTime": T0 + 3, "firstStepTime": T0 + 5, "endTime": T0 + 29}
    ended = {"v": 1, "outcome": "succeeded", "exitCode": 0}
    return {**ended, **figures, **speed, **moments, **fields}


class Builder:
    """Collects a body; every word returns the builder itself."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._meta: Body = body["metadata"]

    @property
    def _status(self) -> Body:
        status: Body = self._body.setdefault("status", {})
        return status

    def version(self, number: int) -> Self:
        """Set the resourceVersion."""
        self._meta["resourceVersion"] = str(number)
        return self

    def deleting(self) -> Self:
        """Mark it as being deleted."""
        self._meta["deletionTimestamp"] = at(60)
        return self

    def created(self, seconds: float) -> Self:
        """Set the creation."""
        self._meta["creationTimestamp"] = at(seconds)
        return self

    def build(self) -> Body:
        """Return the body."""
        return copy.deepcopy(self._body)
