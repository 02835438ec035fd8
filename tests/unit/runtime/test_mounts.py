"""The cluster is asked for what it mounts: at need, once, and anew after a minute."""

import asyncio
from collections.abc import Sequence

import pytest

from trainshed.core import mounting
from trainshed.kube import errors
from trainshed.runtime import mounts

ABLE = mounting.Node("able", "v1.36.1", "containerd://2.1.4")
OLD = mounting.Node("old", "v1.36.1", "containerd://1.6.20")


class Cluster:
    """What a cluster says, and how often it was asked."""

    def __init__(self, version: str = "v1.36.0", nodes: Sequence[mounting.Node] = (ABLE,)) -> None:
        self.version, self.listed = version, nodes
        self.error: Exception | None = None
        self.asked: list[str] = []

    async def server_version(self) -> str:
        self.asked.append("version")
        return self.version

    async def nodes(self, selector: str) -> Sequence[mounting.Node]:
        self.asked.append(selector)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.listed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_remembered_for_a_minute_for_each_selector() -> None:
    cluster, clock = Cluster(), Clock()
    asking = mounts.Mounts(cluster, clock=clock)

    assert await asking.refusal("a=b") is None
    assert await asking.refusal("a=b") is None
    assert cluster.asked == ["version", "a=b"]

    cluster.listed = (OLD,)
    assert await asking.refusal("a=c") is not None
    clock.now = mounts.SECONDS
    refusal = await asking.refusal("a=b")
    assert refusal is not None
    assert "node old" in refusal.message


async def test_many_jobs_at_once_ask_once() -> None:
    cluster = Cluster()
    asking = mounts.Mounts(cluster, clock=Clock())

    assert await asyncio.gather(*(asking.refusal("") for _ in range(20))) == [None] * 20
    assert cluster.asked == ["version", ""]


async def test_nodes_of_a_server_that_is_too_old_are_not_read() -> None:
    cluster = Cluster("v1.30.1")

    assert await mounts.Mounts(cluster, clock=Clock()).refusal("") is not None
    assert cluster.asked == ["version"]


@pytest.mark.parametrize("error", [errors.Forbidden("nodes is forbidden"), errors.Unavailable("x")])
async def test_a_cluster_that_does_not_answer_is_asked_again(error: Exception) -> None:
    cluster = Cluster()
    cluster.error = error
    asking = mounts.Mounts(cluster, clock=Clock())

    refusal = await asking.refusal("")
    assert refusal is not None
    assert str(error) in refusal.message
    assert not refusal.terminal

    cluster.error = None
    assert await asking.refusal("") is None
    await asking.close()
