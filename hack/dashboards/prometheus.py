"""Asks a Prometheus: a query over a time range, and the values of a label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT_SECONDS = 30.0


class QueryFailed(Exception):
    """Prometheus refused a query or could not be reached. The message is its own."""


@dataclass(frozen=True, slots=True)
class Range:
    """A time range in Unix seconds and the distance of its points."""

    start: float
    end: float
    step: float

    def parameters(self) -> dict[str, str]:
        """Return it as the API takes it."""
        return {"start": f"{self.start:.3f}", "end": f"{self.end:.3f}", "step": f"{self.step:g}"}


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer; only its finite values."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Prometheus:
    """The HTTP API of one Prometheus."""

    def __init__(self, client: httpx.Client) -> None:
        """`client`: has the server's URL as its base_url."""
        self._client = client

    def query(self, expression: str, over: Range) -> list[Series]:
        """Return the series of an expression that have a value; raises QueryFailed."""
        data = self._get("/api/v1/query_range", {"query": expression, **over.parameters()})
        found = [
            Series(
                labels=each["metric"],
                points=[
                    (float(moment), float(value))
                    for moment, value in each["values"]
                    if math.isfinite(float(value))
                ],
            )
            for each in data["result"]
        ]
        return [each for each in found if each.points]

    def label_values(self, label: str, selector: str, over: Range) -> list[str]:
        """Return the values of a label among the series of a selector; raises QueryFailed."""
        parameters = {"match[]": selector, **over.parameters()}
        return [str(each) for each in self._get(f"/api/v1/label/{label}/values", parameters)]

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        try:
            answer = self._client.get(path, params=parameters)
            document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise QueryFailed(f"{type(error).__name__}: {error}") from error
        if document.get("status") != "success":
            raise QueryFailed(str(document.get("error", f"HTTP {answer.status_code}")))
        return document["data"]


def connect(url: str) -> httpx.Client:
    """Return a client of the Prometheus at a URL; close it when done."""
    return httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)
