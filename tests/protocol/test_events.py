import asyncio
import pathlib
from typing import Any

from tests.protocol import connections, waiting
from trainshed.kube import client, events, kinds, transport

REGARDING = events.Regarding(kinds.TRAINING_JOBS, "team-a", "cnn", "uid-1")


async def test_a_repeated_event_is_one_post_and_one_patch(
    kmock: Any, tmp_path: pathlib.Path
) -> None:
    kmock.resources["v1/events"] = {}
    wire = transport.Transport(await connections.connect(kmock.url, tmp_path))
    api = client.ApiClient(wire)
    recorder = events.Recorder(api, instance="operator-0", now=lambda: 1_790_000_000.0)
    task = asyncio.create_task(recorder.run())
    try:
        for verb in ("post", "patch"):
            recorder.record(REGARDING, reason="Unschedulable", message="no node fits")
            await waiting.until(lambda verb=verb: len(kmock[verb]) == 1)  # type: ignore[misc]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wire.close()
    [post], [patch] = kmock["post"], kmock["patch"]
    assert str(post.url.path) == "/api/v1/namespaces/team-a/events"
    assert patch.url.path == f"{post.url.path}/{post.data['metadata']['name']}"
    assert patch.data == {"count": 2, "lastTimestamp": "2026-09-21T14:13:20Z"}
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
