"""A real Prometheus on loopback, scraping what a test serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

PROMETHEUS = shutil.which("prometheus")
READY_SECONDS = 30.0


@contextlib.asynccontextmanager
async def prometheus(
    folder: pathlib.Path, *, operator: int, trainer: int, labels: Mapping[str, str]
) -> AsyncIterator[str]:
    """Run a Prometheus that scrapes two ports five times a second; yields its URL."""
    assert PROMETHEUS is not None
    (folder / "prometheus.yml").write_text(json.dumps(_config(operator, trainer, labels)))
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


def _config(operator: int, trainer: int, labels: Mapping[str, str]) -> dict[str, Any]:
    def job(name: str, port: int, **more: Any) -> dict[str, Any]:
        target = {"targets": [f"127.0.0.1:{port}"], **more.pop("target", {})}
        return {"job_name": name, "static_configs": [target], **more}

    return {
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
        "scrape_configs": [
            job("trainshed-operator", operator, honor_labels=True),
            job("trainshed-trainer", trainer, target={"labels": dict(labels)}),
        ],
    }


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
