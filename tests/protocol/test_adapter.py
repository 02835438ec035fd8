import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import kmock as kmocks
import pytest

from tests.protocol import connections, waiting
from trainshed.core import observed
from trainshed.kube import client, kinds, transport
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import kopf_adapter, sweeper

SELECTOR = "app.kubernetes.io/managed-by=trainshed"
WATCHED = (sweeper.Watched(kinds.TRAINING_JOBS), sweeper.Watched(kinds.JOBS, SELECTOR))
TRAINING_JOBS = "trainshed.dev/v1alpha1/trainingjobs"
JOBS = "batch/v1/jobs"
BACKBONE = (
    "v1/namespaces",
    "v1/events",
    "apiextensions.k8s.io/v1/customresourcedefinitions",
)


def named(name: str, **more: Any) -> Body:
    metadata = {"namespace": "team-a", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"big": "x" * 100}, "status": {"phase": "y"}, **more}


class Rig:
    """The adapter on kmock, and what came out of it."""

    def __init__(self, kmock: Any, folder: pathlib.Path) -> None:
        self.kmock = kmock
        self.folder = folder
        self.events: list[tuple[str, str | None, str]] = []
        self.bodies: list[Body] = []
        self.synced = asyncio.Event()
        self.stop = asyncio.Event()
        self.watched = WATCHED
        self.namespaces: tuple[str, ...] = ()
        self.on_event: Callable[[Kind, str | None, Body], None] = self.take
        self.census: kopf_adapter.Census | None = None
        self.patience = kopf_adapter.CENSUS_PATIENCE
        for resource in (*BACKBONE, TRAINING_JOBS, JOBS):
            kmock.resources[resource] = {
                "verbs": {"get", "list", "watch"},
                "namespaced": resource in (TRAINING_JOBS, JOBS, "v1/events"),
            }

    def take(self, kind: Kind, type_: str | None, body: Body) -> None:
        assert body["spec"]
        self.events.append((kind.plural, type_, body["metadata"]["name"]))
        self.bodies.append(body)

    async def seen(self, *event: str | None) -> None:
        await waiting.until(lambda: event in self.events)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        connection = await connections.connect(self.kmock.url, self.folder)
        wire = transport.Transport(connection)
        api = client.ApiClient(wire)

        async def census(watched: sweeper.Watched) -> Collection[observed.Uid]:
            return await sweeper.census(api, watched)

        task = asyncio.create_task(
            kopf_adapter.run(
                connection,
                self.watched,
                on_event=lambda *event: self.on_event(*event),
                census=self.census or census,
                synced=self.synced,
                stop_flag=self.stop,
                namespaces=self.namespaces,
                patience=self.patience,
            )
        )
        try:
            yield
        finally:
            self.stop.set()
            await asyncio.wait_for(task, 10)
            await wire.close()


@pytest.fixture
def rig(kmock: Any, tmp_path: pathlib.Path) -> Rig:
    return Rig(kmock, tmp_path)


async def test_what_exists_is_reported_before_synced(rig: Rig) -> None:
    for name in ("a", "b", "c"):
        rig.kmock.objects[TRAINING_JOBS, "team-a", name] = named(name)
        rig.kmock.objects[JOBS, "team-a", f"{name}-1"] = named(f"{name}-1")
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        listed = {name for _, type_, name in rig.events if type_ is None}
        assert listed == {"a", "b", "c", "a-1", "b-1", "c-1"}


async def test_an_empty_cluster_is_synced_at_once(rig: Rig) -> None:
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        assert rig.events == []


async def test_an_object_deleted_before_it_was_listed_holds_nothing_up(
    rig: Rig,
) -> None:
    rig.patience = 0.05
    answers = iter([{observed.Uid("uid-gone")}, set[observed.Uid]()])

    async def census(watched: sweeper.Watched) -> Collection[observed.Uid]:
        return next(answers, set())

    rig.census = census
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)


async def test_changes_are_reported_as_they_come(rig: Rig) -> None:
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        await rig.kmock.post(f"{path(TRAINING_JOBS)}", json=named("a"))
        await rig.seen("trainingjobs", "ADDED", "a")
        await rig.kmock.patch(f"{path(TRAINING_JOBS)}/a", json={"status": {"phase": "z"}})
        await rig.seen("trainingjobs", "MODIFIED", "a")
        await rig.kmock.delete(f"{path(TRAINING_JOBS)}/a")
        await rig.seen("trainingjobs", "DELETED", "a")


async def test_nothing_but_lists_watches_and_discovery_is_asked(rig: Rig) -> None:
    rig.kmock.objects[TRAINING_JOBS, "team-a", "a"] = named("a")
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
    assert {request.method.value for request in rig.kmock} == {"GET"}


async def test_jobs_are_selected_by_the_server_and_trainingjobs_are_not(rig: Rig) -> None:
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        await waiting.until(lambda: len(rig.kmock[kmocks.action.WATCH]) >= 2)
    selectors = {
        (request.resource.plural, request.params.get("labelSelector"))
        for request in (*rig.kmock[kmocks.action.LIST], *rig.kmock[kmocks.action.WATCH])
        if request.resource.plural is not None  # else it is discovery
    }
    assert selectors == {("jobs", SELECTOR), ("trainingjobs", None)}


async def test_chosen_namespaces_are_watched_one_by_one(rig: Rig) -> None:
    rig.namespaces = ("team-a", "team-b")
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        await waiting.until(lambda: len(rig.kmock[kmocks.action.WATCH]) >= 4)
    assert {request.namespace for request in rig.kmock[kmocks.action.WATCH]} == {"team-a", "team-b"}


async def test_a_handled_body_is_stripped_to_what_kopf_needs(rig: Rig) -> None:
    rig.kmock.objects[TRAINING_JOBS, "team-a", "a"] = named("a")
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
    metadata = {"namespace": "team-a", "name": "a", "uid": "uid-a"}
    assert all(body == {"metadata": metadata} for body in rig.bodies)


async def test_an_api_server_that_fails_at_first_is_waited_for(rig: Rig) -> None:
    outage = iter([503, 503])

    def listing() -> Any:
        if next(outage, None) is not None:
            raise kmocks.KubernetesError(status=503, reason="Starting", message="not yet")
        return StopIteration()  # kmock's own listing answers from now on

    rig.kmock.objects[TRAINING_JOBS, "team-a", "a"] = named("a")
    rig.kmock[kmocks.action.LIST, kmocks.resource(TRAINING_JOBS)] << listing
    rig.patience = 0.2
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        assert ("trainingjobs", None, "a") in rig.events


async def test_an_event_that_breaks_the_handler_holds_up_no_other(rig: Rig) -> None:
    def fragile(kind: Kind, type_: str | None, body: Body) -> None:
        if body["metadata"]["name"] == "bad":
            raise ValueError("a body that no view can be made of")
        rig.take(kind, type_, body)

    rig.on_event = fragile
    for name in ("a", "bad", "b"):
        rig.kmock.objects[TRAINING_JOBS, "team-a", name] = named(name)
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        assert {name for _, _, name in rig.events} == {"a", "b"}


async def test_tasks_that_are_not_kopfs_survive_its_end(rig: Rig) -> None:
    tasks: list[asyncio.Task[None]] = []
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        tasks.append(asyncio.create_task(asyncio.sleep(3600)))
        started = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started < 2.0
    assert not tasks[0].done()
    tasks[0].cancel()


async def test_signals_are_claimed_back_after_kopf_took_them(rig: Rig) -> None:
    claimed = asyncio.Event()
    connection = await connections.connect(rig.kmock.url, rig.folder)

    async def nothing(watched: sweeper.Watched) -> Collection[observed.Uid]:
        return ()

    task = asyncio.create_task(
        kopf_adapter.run(
            connection,
            WATCHED,
            on_event=rig.take,
            census=nothing,
            synced=rig.synced,
            stop_flag=rig.stop,
            claim_signals=claimed.set,
        )
    )
    await asyncio.wait_for(claimed.wait(), 10)
    await asyncio.wait_for(rig.synced.wait(), 10)
    await waiting.until(lambda: len(rig.kmock[kmocks.action.WATCH]) >= 2)
    rig.stop.set()
    await asyncio.wait_for(task, 10)


async def test_changes_of_what_does_not_matter_are_not_reported(rig: Rig) -> None:
    rig.watched = (sweeper.Watched(kinds.TRAINING_JOBS, essence=lambda body: body["spec"]),)
    rig.kmock.objects[TRAINING_JOBS, "team-a", "a"] = named("a")
    at = f"{path(TRAINING_JOBS)}/a"
    async with rig.running():
        await asyncio.wait_for(rig.synced.wait(), 10)
        await waiting.until(lambda: len(rig.kmock[kmocks.action.WATCH]) >= 1)
        for number in range(3):
            await rig.kmock.patch(at, json={"status": {"phase": str(number)}})
        await rig.kmock.patch(at, json={"spec": {"big": "y"}})
        await rig.kmock.delete(at)
        await rig.seen("trainingjobs", "DELETED", "a")

    # kmock begins a watch with what there is, and a first word is always told.
    assert [type_ for _, type_, _ in rig.events] == [None, "ADDED", "MODIFIED", "DELETED"]


async def test_a_relist_reports_what_exists_and_is_silent_about_what_is_gone(rig: Rig) -> None:
    for name in ("a", "ghost"):
        rig.kmock.objects[TRAINING_JOBS, "team-a", name] = named(name)
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    watches = iter([gone])

    def watch() -> Any:
        first = next(watches, None)
        if first is None:
            return StopIteration()
        # Deleted unseen: between the listing and the watch that would have told of it.
        rig.kmock.objects[TRAINING_JOBS, "team-a", "ghost"].delete()
        return (first,)

    rig.kmock[kmocks.action.WATCH, kmocks.resource(TRAINING_JOBS)] << watch
    async with rig.running():
        await waiting.until(lambda: rig.events.count(("trainingjobs", None, "a")) == 2)
    assert ("trainingjobs", "DELETED", "ghost") not in rig.events


def path(resource: str) -> str:
    group, version, plural = resource.split("/")
    return f"/apis/{group}/{version}/namespaces/team-a/{plural}"
