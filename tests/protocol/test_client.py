import asyncio
import json
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import kmock as kmocks
import pytest

from tests.protocol import connections
from trainshed.kube import client, errors, kinds, ratelimit, transport

pytestmark = pytest.mark.kmock(cls=kmocks.KubernetesScaffold)

JOB = {"metadata": {"name": "cnn-1", "namespace": "team-a"}, "spec": {"newer": "than the client"}}
JOBS = "/apis/batch/v1/namespaces/team-a/jobs"


class Rig:
    """A client on kmock, what it counted, and whether it may write."""

    def __init__(self, wire: transport.Transport, counted: Counter[tuple[str, str]]) -> None:
        self.counted = counted
        self.leads = True
        self.limiter = ratelimit.Limiter()
        self.api = client.ApiClient(wire, limiter=self.limiter, may_write=lambda: self.leads)


@pytest.fixture
async def rig(kmock: Any, tmp_path: pathlib.Path) -> AsyncIterator[Rig]:
    counted: Counter[tuple[str, str]] = Counter()
    connection = await connections.connect(kmock.url, tmp_path)
    wire = transport.Transport(
        connection, observe=lambda *what: counted.update([what]), timeout=5.0
    )
    yield Rig(wire, counted)
    await wire.close()


def status(code: int, reason: str) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": f"about {reason}"}


async def test_a_created_object_is_sent_untouched_and_returned_as_stored(
    kmock: Any, rig: Rig
) -> None:
    kmock[f"post {JOBS}"] << {**JOB, "metadata": {"uid": "uid-1"}}
    stored = await rig.api.create(kinds.JOBS, JOB)
    assert stored["metadata"]["uid"] == "uid-1"
    [request] = kmock["post"]
    assert request.data == JOB
    assert request.params == {"fieldValidation": "Strict"}, "a misspelt field is no field dropped"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer first"


async def test_every_request_is_counted_by_verb_and_code(kmock: Any, rig: Rig) -> None:
    kmock[f"post {JOBS}"] << JOB
    kmock[f"get {JOBS}/absent"] << 404 << status(404, "NotFound")
    await rig.api.create(kinds.JOBS, JOB)
    with pytest.raises(errors.NotFound, match="about NotFound"):
        await rig.api.get(kinds.JOBS, name="absent", namespace="team-a")
    assert rig.counted == {("create", "200"): 1, ("get", "404"): 1}


async def test_a_status_patch_carries_the_version_that_it_was_made_for(
    kmock: Any, rig: Rig
) -> None:
    path = "/apis/trainshed.dev/v1alpha1/namespaces/team-a/trainingjobs/cnn/status"
    kmock[f"patch {path}"] << {"metadata": {"resourceVersion": "8"}}
    await rig.api.patch_merge(
        kinds.TRAINING_JOBS,
        {"status": {"phase": "Running"}},
        name="cnn",
        namespace="team-a",
        subresource="status",
        resource_version="7",
    )
    [request] = kmock["patch"]
    assert request.data == {"metadata": {"resourceVersion": "7"}, "status": {"phase": "Running"}}
    assert request.headers["Content-Type"] == "application/merge-patch+json"


async def test_a_deletion_names_the_very_object(kmock: Any, rig: Rig) -> None:
    kmock[f"delete {JOBS}/cnn-1"] << {}
    await rig.api.delete(kinds.JOBS, name="cnn-1", namespace="team-a", uid="uid-1")
    [request] = kmock["delete"]
    assert request.data == {
        "propagationPolicy": "Background",
        "preconditions": {"uid": "uid-1"},
    }


async def test_a_long_list_comes_in_pages_and_as_metadata_where_asked(kmock: Any, rig: Rig) -> None:
    def page(request: Any) -> dict[str, Any]:
        first = "continue" not in request.params
        metadata = {"continue": "to/ken=="} if first else {}
        return {"metadata": metadata, "items": [{"metadata": {"name": "a" if first else "b"}}]}

    kmock[f"get {JOBS}"] << page
    found = await client.listed(
        rig.api, kinds.JOBS, namespace="team-a", labels="x=y", metadata_only=True
    )
    assert [body["metadata"]["name"] for body in found] == ["a", "b"]
    first, second = kmock["get"]
    assert first.params == {"limit": "500", "labelSelector": "x=y"}
    assert second.params["continue"] == "to/ken=="
    assert first.headers["Accept"].startswith("application/json;as=PartialObjectMetadataList")


async def test_a_list_that_expired_on_the_way_is_started_again(kmock: Any, rig: Rig) -> None:
    pages = iter(
        [
            {"metadata": {"continue": "old"}, "items": [{"metadata": {"name": "stale"}}]},
            None,
            {"metadata": {}, "items": [{"metadata": {"name": "fresh"}}]},
        ]
    )

    def page(request: Any) -> Any:
        answer = next(pages)
        if answer is None:
            raise kmocks.KubernetesError(status=410, reason="Expired", message="too old")
        return answer

    kmock[f"get {JOBS}"] << page
    found = await client.listed(rig.api, kinds.JOBS, namespace="team-a")
    assert [body["metadata"]["name"] for body in found] == ["fresh"]


async def test_throttling_pauses_every_write(kmock: Any, rig: Rig) -> None:
    (
        kmock[f"post {JOBS}"]
        << 429
        << status(429, "TooManyRequests")
        << kmock.headers({"Retry-After": "30"})
    )
    with pytest.raises(errors.Throttled) as raised:
        await rig.api.create(kinds.JOBS, JOB)
    assert raised.value.retry_after == 30.0
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rig.api.create(kinds.JOBS, JOB), 0.05)
    assert len(kmock["post"]) == 1


async def test_a_process_that_does_not_lead_writes_nothing_and_may_read(
    kmock: Any, rig: Rig
) -> None:
    kmock[f"get {JOBS}/cnn-1"] << JOB
    rig.leads = False
    await rig.api.get(kinds.JOBS, name="cnn-1", namespace="team-a")
    with pytest.raises(errors.FencedOff):
        await rig.api.create(kinds.JOBS, JOB)
    with pytest.raises(errors.FencedOff):
        await rig.api.delete(kinds.JOBS, name="cnn-1", namespace="team-a")
    assert len(kmock["post"]) == len(kmock["delete"]) == 0


async def test_leadership_lost_while_a_write_waits_stops_the_write(kmock: Any, rig: Rig) -> None:
    kmock[f"post {JOBS}"] << JOB
    rig.limiter.pause(0.05)
    write = asyncio.create_task(rig.api.create(kinds.JOBS, JOB))
    await asyncio.sleep(0)
    rig.leads = False
    with pytest.raises(errors.FencedOff):
        await write
    assert len(kmock["post"]) == 0


async def test_a_refused_token_is_read_again_once(
    kmock: Any, rig: Rig, tmp_path: pathlib.Path
) -> None:
    def answer(request: Any) -> Any:
        if request.headers["Authorization"] != "Bearer second":
            raise kmocks.KubernetesError(status=401, reason="Unauthorized", message="expired")
        return JOB

    kmock[f"get {JOBS}/cnn-1"] << answer
    (tmp_path / "token").write_text("second")
    await rig.api.get(kinds.JOBS, name="cnn-1", namespace="team-a")
    assert rig.counted == {("get", "200"): 1}


async def test_a_token_that_stays_refused_is_an_error(kmock: Any, rig: Rig) -> None:
    kmock[f"get {JOBS}/cnn-1"] << 401 << status(401, "Unauthorized")
    with pytest.raises(errors.Unauthorized):
        await rig.api.get(kinds.JOBS, name="cnn-1", namespace="team-a")
    assert len(kmock["get"]) == 1


async def test_no_listener_is_unavailable(tmp_path: pathlib.Path) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    connection = await connections.connect("http://127.0.0.1:1", tmp_path)
    wire = transport.Transport(connection, observe=lambda *what: counted.update([what]))
    try:
        with pytest.raises(errors.Unavailable, match="can't be reached"):
            await client.ApiClient(wire).create(kinds.JOBS, JOB)
    finally:
        await wire.close()
    assert counted == {("create", "error"): 1}


async def test_an_answer_that_is_no_json_is_unavailable(kmock: Any, rig: Rig) -> None:
    kmock[f"get {JOBS}/cnn-1"] << b"<html>"
    with pytest.raises(errors.Unavailable, match="not JSON"):
        await rig.api.get(kinds.JOBS, name="cnn-1", namespace="team-a")


async def test_the_clusters_token_keys_can_be_read(kmock: Any, rig: Rig) -> None:
    kmock["get /openid/v1/jwks"] << {"keys": []}
    assert json.loads(await rig.api.raw("GET", "/openid/v1/jwks")) == {"keys": []}
    # A real API server refuses application/json there with 406.
    [request] = kmock["get"]
    assert request.headers["Accept"] == "*/*"
