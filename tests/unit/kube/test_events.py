import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from tests.unit.kube.store import Store
from trainshed.kube import errors, events, kinds
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Lane

pytestmark = pytest.mark.looptime

JOB = events.Regarding(kinds.TRAINING_JOBS, "team-a", "cnn", "uid-1")
NOW = 1_790_000_000.0


def recorder(store: Store) -> events.Recorder:
    loop = asyncio.get_running_loop()
    return events.Recorder(store, instance="operator-0", now=lambda: NOW + loop.time())


@contextlib.asynccontextmanager
async def running(subject: events.Recorder) -> AsyncIterator[None]:
    task = asyncio.create_task(subject.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stored(store: Store) -> list[Body]:
    return [body for (kind, _, _), body in store.objects.items() if kind == kinds.EVENTS]


async def test_an_event_names_its_object_and_its_source() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        subject.record(JOB, reason="Building", message="the image is being built")
        await asyncio.sleep(1)
    [event] = stored(store)
    assert event["metadata"]["namespace"] == "team-a"
    assert event["involvedObject"] == {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "TrainingJob",
        "namespace": "team-a",
        "name": "cnn",
        "uid": "uid-1",
    }
    assert event["source"] == {"component": "trainshed-operator"}
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Building", 1)
    assert event["lastTimestamp"] == "2026-09-21T14:13:20Z"


async def test_repeats_are_one_event_with_a_count() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        for _ in range(3):
            subject.record(JOB, reason="Unschedulable", message="no node fits", type_="Warning")
            await asyncio.sleep(60)
    [event] = stored(store)
    assert event["count"] == 3
    assert event["firstTimestamp"] < event["lastTimestamp"]
    assert store.requests == ["create events", "patch events", "patch events"]


async def test_repeats_that_wait_are_one_write() -> None:
    store = Store()
    subject = recorder(store)
    for _ in range(5):
        subject.record(JOB, reason="Building", message="x")
    async with running(subject):
        await asyncio.sleep(1)
    assert store.requests == ["create events"]
    assert stored(store)[0]["count"] == 5


async def test_another_message_is_another_event() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        subject.record(JOB, reason="Building", message="x")
        subject.record(JOB, reason="Building", message="y")
        await asyncio.sleep(1)
    assert len(stored(store)) == 2


async def test_a_restart_does_not_repeat_the_event() -> None:
    store = Store()
    for _ in range(2):
        subject = recorder(store)
        async with running(subject):
            subject.record(JOB, reason="Building", message="x")
            await asyncio.sleep(1)
    assert len(stored(store)) == 1


async def test_an_event_that_outlived_its_hour_is_written_anew() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        subject.record(JOB, reason="Building", message="x")
        await asyncio.sleep(1)
        store.objects.clear()
        subject.record(JOB, reason="Building", message="x")
        await asyncio.sleep(1)
    assert stored(store)[0]["count"] == 2


async def test_a_noisy_object_is_cut_off_and_another_is_not() -> None:
    store = Store()
    subject = recorder(store)
    other = dataclasses.replace(JOB, name="other", uid="uid-2")
    async with running(subject):
        for number in range(100):
            subject.record(JOB, reason="Noise", message=f"message {number}")
        subject.record(other, reason="Building", message="x")
        await asyncio.sleep(1)
    assert len(stored(store)) == events.OBJECT_BURST + 1


async def test_a_cut_off_object_gets_one_event_each_five_minutes() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        for number in range(30):
            subject.record(JOB, reason="Noise", message=f"message {number}")
        await asyncio.sleep(301)
        subject.record(JOB, reason="Noise", message="one more")
        subject.record(JOB, reason="Noise", message="too many")
        await asyncio.sleep(1)
    assert len(stored(store)) == events.OBJECT_BURST + 1


async def test_a_full_queue_drops_and_never_waits() -> None:
    store = Store()
    subject = recorder(store)
    for number in range(events.QUEUED + 10):
        about = dataclasses.replace(JOB, uid=f"uid-{number}")
        subject.record(about, reason="Building", message="x")
    assert subject.pending() == events.QUEUED
    async with running(subject):
        await asyncio.sleep(1)
    assert len(stored(store)) == events.QUEUED


async def test_events_take_the_lowest_lane() -> None:
    store = Store()
    subject = recorder(store)
    async with running(subject):
        subject.record(JOB, reason="Building", message="x")
        await asyncio.sleep(1)
    assert store.lanes == [Lane.EVENT]


async def test_an_outage_is_ridden_out_then_the_event_is_dropped() -> None:
    store = Store()
    subject = recorder(store)

    async def down(verb: str, kind: Kind | None) -> None:
        raise errors.Unavailable("down")

    store.before = down
    async with running(subject):
        subject.record(JOB, reason="Building", message="x")
        await asyncio.sleep(60)
    assert stored(store) == []
    assert len(store.requests) == events.ATTEMPTS


async def test_a_long_message_and_a_long_name_fit() -> None:
    store = Store()
    subject = recorder(store)
    long = dataclasses.replace(JOB, name="a" * 199 + "." + "b" * 53)
    async with running(subject):
        subject.record(long, reason="Building", message="m" * 5000)
        await asyncio.sleep(1)
    [event] = stored(store)
    assert len(event["message"]) == events.MESSAGE_LIMIT
    assert len(event["metadata"]["name"]) <= 253
    assert ".." not in event["metadata"]["name"]
