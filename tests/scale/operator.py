"""The operator under test, from outside: its counters and its memory."""

from __future__ import annotations

import asyncio
import pathlib

import httpx
from prometheus_client import parser

from hack import apiserver

NAMESPACE = "trainshed-system"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
PODS = apiserver.PODS.format(namespace=NAMESPACE)
WRITES = ("create", "patch", "delete")
READS = ("get", "list", "raw")


class Operator:
    """The one operator pod of the local cluster."""

    def __init__(self, api: apiserver.ApiServer) -> None:
        self._api = api

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Return every sample of its own metrics."""
        text = httpx.get(f"http://{self._address()}:8080/metrics", trust_env=False, timeout=60).text
        return {
            (each.name, tuple(sorted(each.labels.items()))): each.value
            for family in parser.text_string_to_metric_families(text)
            if family.name.startswith(("trainshed_", "process_"))
            for each in family.samples
        }

    def requests(self, *verbs: str) -> float:
        """Return how many requests it has sent to the API server, by verb.

        The renewals of its Lease are the verb `update`, which no job causes.
        """
        return sum(
            value
            for (name, labels), value in self.samples().items()
            if name == "trainshed_api_requests_total" and dict(labels)["verb"] in verbs
        )

    def rss_mib(self) -> float:
        """Return its present memory."""
        return self._status("VmRSS") / 1024

    def peak_mib(self) -> float:
        """Return the most memory that it has had since its start."""
        return self._status("VmHWM") / 1024

    def lag_p99_ms(self) -> float:
        """Return the 99th percentile of how late its event loop came back: a bucket's bound."""
        counts = sorted(
            (float(dict(labels)["le"]), value)
            for (name, labels), value in self.samples().items()
            if name == "trainshed_loop_lag_seconds_bucket"
        )
        total = counts[-1][1]
        return next(bound for bound, count in counts if count >= total * 0.99) * 1000

    def restart(self) -> None:
        """Kill it and return once another one works."""
        old = self._pod()["metadata"]["name"]
        self._api.delete(f"{PODS}/{old}", gracePeriodSeconds="0")
        lease = self._api.wait(
            LEASES,
            "trainshed-operator",
            lambda each: each["spec"].get("holderIdentity") not in (None, "", old),
            what="a new operator to lead",
            seconds=180,
        )
        holder = lease["spec"]["holderIdentity"]
        self._api.wait(PODS, holder, _ready, what="a new operator to be ready", seconds=180)

    async def idle(self, *, seconds: float) -> None:
        """Return once its work queue is empty: all that it found at its start is looked at."""
        async with asyncio.timeout(seconds):
            while await asyncio.to_thread(self._depth):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.5)

    def _depth(self) -> float:
        return sum(
            value for (name, _), value in self.samples().items() if name == "trainshed_queue_depth"
        )

    def _address(self) -> str:
        return str(self._pod()["status"]["podIP"])

    def _pod(self) -> dict[str, dict[str, str]]:
        return next(each for each in self._pods() if _ready(each))

    def _pods(self) -> list[dict[str, dict[str, str]]]:
        selector = "app.kubernetes.io/component=operator"
        found: list[dict[str, dict[str, str]]] = self._api.get(PODS, labelSelector=selector)[
            "items"
        ]
        return found

    def _status(self, field: str) -> float:
        """Return a field of the process's status in KiB: the host provider's pods are here."""
        text = (_process() / "status").read_text(encoding="ascii")
        line = next(each for each in text.splitlines() if each.startswith(field))
        return float(line.split()[1])


def _process() -> pathlib.Path:
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if command[1:3] == [b"-m", b"trainshed"]:
            return folder
    raise RuntimeError("no operator process on this machine: the bench needs the host provider")


def _ready(pod: dict[str, dict[str, str]]) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions: list[dict[str, str]] = pod["status"].get("conditions") or []  # type: ignore[assignment]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
