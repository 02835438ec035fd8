"""A real Prometheus on loopback, scraping what a test serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import httpx

PROMETHEUS = shutil.which("prometheus")
READY_SECONDS = 30.0
SCRAPE_SECONDS = 0.2


@contextlib.asynccontextmanager
async def prometheus(
    folder: pathlib.Path,
    *,
    operator: int,
    trainer: int,
    dcgm: int,
    labels: Mapping[str, str],
    rules: pathlib.Path,
) -> AsyncIterator[str]:
    """Run a Prometheus that scrapes these ports five times a second; yields its URL.

    `labels`: of the trainer's pod, as the scrape adds them; DCGM's series have their own.
    """
    assert PROMETHEUS is not None
    jobs = [
        _job("trainshed-operator", operator, honor_labels=True),
        _job("trainshed-trainer", trainer, labels),
        _job("dcgm-exporter", dcgm, {"namespace": "gpu-operator", "pod": "dcgm-exporter-x"}),
    ]
    (folder / "prometheus.yml").write_text(json.dumps(_config(jobs, rules)))
    port = _free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _until(lambda client: _ready(client, url))
            yield url
        finally:
            # Nobody wants what it would write before it ends.
            process.kill()
            await process.wait()


async def scraped(url: str, expression: str, least: float) -> None:
    """Wait until an expression has at least this value."""

    async def reached(client: httpx.AsyncClient) -> bool:
        answer = await client.get(f"{url}/api/v1/query", params={"query": expression})
        result = answer.json()["data"]["result"]
        return bool(result) and float(result[0]["value"][1]) >= least

    await _until(reached)


def _config(jobs: Sequence[Mapping[str, Any]], rules: pathlib.Path) -> dict[str, Any]:
    every = f"{SCRAPE_SECONDS * 1000:.0f}ms"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(rules)],
        "scrape_configs": jobs,
    }


def _job(
    name: str, port: int, labels: Mapping[str, str] | None = None, **more: Any
) -> dict[str, Any]:
    target = {"targets": [f"127.0.0.1:{port}"], "labels": dict(labels or {})}
    return {"job_name": name, "static_configs": [target], **more}


async def _until(reached: Callable[[httpx.AsyncClient], Any]) -> None:
    async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
        # Another process: nothing here can tell when it is so.
        while not await reached(client):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/-/ready")).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
