import asyncio
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import kmock as kmocks
import pytest

from tests.protocol import connections, waiting
from trainshed.kube import client, transport
from trainshed.runtime import leader

pytestmark = pytest.mark.kmock(cls=kmocks.KubernetesScaffold)

LEASES = "/apis/coordination.k8s.io/v1/namespaces/trainshed-system/leases"
IDENTITY = leader.Identity("trainshed-system", "trainshed-operator", "operator-0")


class Lease:
    """One Lease with its versions, as the API server would keep it."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.down = False
        self._version = 0

    def get(self) -> Any:
        if self.body is None:
            raise failure(404, "NotFound")
        return self.body

    def post(self, request: Any) -> Any:
        if self.body is not None:
            raise failure(409, "AlreadyExists")
        return self._store(request.data)

    def put(self, request: Any) -> Any:
        if self.down:
            raise failure(503, "ServiceUnavailable")
        wanted = request.data["metadata"]["resourceVersion"]
        if self.body is None or wanted != self.body["metadata"]["resourceVersion"]:
            raise failure(409, "Conflict")
        return self._store(request.data)

    def _store(self, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        self.body = {
            **body,
            "metadata": {**body["metadata"], "resourceVersion": f"{self._version}"},
        }
        return self.body


def failure(code: int, reason: str) -> kmocks.KubernetesError:
    return kmocks.KubernetesError(status=code, reason=reason, message=reason)


@pytest.fixture
def lease(kmock: Any) -> Lease:
    kept = Lease()
    kmock[f"get {LEASES}/trainshed-operator"] << (lambda: kept.get())
    kmock[f"post {LEASES}"] << kept.post
    kmock[f"put {LEASES}/trainshed-operator"] << kept.put
    return kept


@pytest.fixture
async def elector(kmock: Any, tmp_path: pathlib.Path) -> AsyncIterator[leader.Elector]:
    wire = transport.Transport(await connections.connect(kmock.url, tmp_path))
    yield leader.Elector(
        client.ApiClient(wire),
        IDENTITY,
        random=lambda: 0.5,
        wall_clock=lambda: 1_790_000_000.25,
        timing=leader.Timing(lease=1.5, renew=1.0, retry=0.05),
    )
    await wire.close()


async def test_a_lease_is_created_renewed_and_given_back(
    kmock: Any, lease: Lease, elector: leader.Elector
) -> None:
    await elector.acquire()
    assert lease.body is not None
    assert lease.body["spec"]["holderIdentity"] == "operator-0"
    assert lease.body["spec"]["renewTime"] == "2026-09-21T14:13:20.250000Z"
    keeping = asyncio.create_task(elector.keep())
    await waiting.until(lambda: len(kmock["put"]) >= 3)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await elector.release()
    assert lease.body["spec"]["holderIdentity"] == ""
    assert len(kmock["post"]) == 1


async def test_a_silent_api_server_ends_leadership(
    kmock: Any, lease: Lease, elector: leader.Elector
) -> None:
    await elector.acquire()
    lease.down = True
    await asyncio.wait_for(elector.keep(), 5)
    assert not elector.is_leader()


async def test_a_dropped_connection_is_an_attempt_that_failed(
    kmock: Any, lease: Lease, elector: leader.Elector, tmp_path: pathlib.Path
) -> None:
    await elector.acquire()
    wire = transport.Transport(await connections.connect("http://127.0.0.1:1", tmp_path))
    other = leader.Elector(
        client.ApiClient(wire), IDENTITY, random=lambda: 0.5, wall_clock=lambda: 0.0
    )
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(other.acquire(), 0.2)
    await wire.close()
    assert not other.is_leader()
