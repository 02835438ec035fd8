"""A pass over a job of several pods: they have a Service, and cost no more writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.runtime import benches, process
from trainshed.api import labels
from trainshed.core import observed, plan
from trainshed.kube import errors
from trainshed.workloads import podgroups


def two_pods() -> builders.TrainingJobBuilder:
    """Return a job of two pods."""
    return builders.training_job().cnn().replicas(2)


@pytest.mark.looptime
async def test_several_pods_cost_one_write_more() -> None:
    bench = benches.Bench()
    await bench.applied(two_pods())
    while moves := bench.world.moves():
        moves[0]()
        bench.takes_all()
        await bench.passes()

    assert bench.world.status()["phase"] == "Succeeded"
    assert (bench.world.writes["service"], bench.world.writes["create"]) == (1, 1)
    assert bench.world.writes.total() <= 16
    assert not bench.world.reads


@pytest.mark.looptime
async def test_many_pods_cost_no_more_writes_than_a_few() -> None:
    bench = benches.Bench()
    await bench.applied(builders.training_job().script().replicas(40))
    while moves := bench.world.moves():
        moves[-1]()
        bench.takes_all()
        await bench.passes()

    assert bench.world.status()["phase"] == "Succeeded"
    assert bench.world.writes.total() <= 16


@pytest.mark.looptime
async def test_a_service_from_before_a_restart_is_used() -> None:
    bench = benches.Bench()
    uid = bench.world.apply(two_pods())
    bench.takes_all()

    def lost() -> None:
        raise errors.Unavailable("no answer in time")

    bench.happens.append(lost)
    await bench.passes()
    await bench.process.sleep(1.0)
    await bench.passes()

    assert bench.world.children == {uid: 1}
    assert bench.world.reads == {"service": 1}
    assert len(bench.world.services) == 1


SERVICE_OWNERS = {
    "nobody's": (None, {}, "NameTaken"),
    "an earlier job's": ("uid-0", {labels.JOB: builders.NAME}, "WaitingForOldWorkload"),
}


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("owner", "marks", "reason"), list(SERVICE_OWNERS.values()), ids=list(SERVICE_OWNERS)
)
async def test_a_service_that_is_not_ours_is_waited_for(
    owner: str | None, marks: dict[str, str], reason: str
) -> None:
    bench = benches.Bench()
    owners = [{"uid": owner, "controller": True}]
    meta = {"name": "gestures-1", "labels": marks, "ownerReferences": owners}
    bench.world.services[builders.NAMESPACE, "gestures-1"] = {"metadata": meta}

    uid = await bench.applied(two_pods())

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == reason
    assert accepted["message"].startswith("Service gestures-1")
    assert not bench.world.children
    bench.world.services.clear()
    await bench.process.sleep(3.0)
    await bench.passes()
    assert bench.world.children == {uid: 1}


@pytest.mark.looptime
async def test_a_refused_service_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = benches.Bench()

    async def refuse(manifest: plan.Manifest) -> None:
        raise errors.Forbidden("exceeded quota: services")

    monkeypatch.setattr(bench.world, "create_beside", refuse)
    await bench.applied(two_pods())

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["message"].startswith("the API server refuses the Service: exceeded quota")
    assert not bench.world.children
    assert observed.JobKey(builders.NAMESPACE, builders.NAME) in bench.process.timers


def claimed(bench: benches.Bench) -> builders.TrainingJobBuilder:
    """Return a job whose devices a driver allocates, where there is a class of them."""
    body = places.class_("claimed", "gpu", deviceClassName="gpu.example.com")
    bench.process.cache.places.class_(body, gone=False)
    bench.process.cache.places.node(places.node("a"), gone=False)
    return builders.training_job().cnn().spec(accelerator={"class": "claimed"})


@pytest.mark.looptime
async def test_what_pods_claim_is_there_before_they_are() -> None:
    bench = benches.Bench()

    uid = await bench.applied(claimed(bench))

    (template,) = bench.world.claims.values()
    assert template["metadata"]["ownerReferences"][0]["uid"] == uid
    assert bench.world.children == {uid: 1}


@pytest.mark.looptime
async def test_a_cluster_without_dynamic_allocation_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = benches.Bench()

    async def unserved(manifest: plan.Manifest) -> None:
        raise errors.NotFound("the server could not find the requested resource", status=404)

    monkeypatch.setattr(bench.world, "create_beside", unserved)
    await bench.applied(claimed(bench))

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == "WorkloadRejected"
    assert "it needs Kubernetes 1.34" in accepted["message"]
    assert not bench.world.children


@pytest.mark.looptime
async def test_groups_that_are_no_longer_served_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = facts.settings(placer=podgroups.Native())
    monkeypatch.setattr(process, "SETTINGS", settings)
    bench = benches.Bench()
    create = bench.world.create_beside

    async def unserved(manifest: plan.Manifest) -> Any:
        if manifest["kind"] == podgroups.KIND:
            raise errors.NotFound("the server could not find the requested resource", status=404)
        return await create(manifest)

    monkeypatch.setattr(bench.world, "create_beside", unserved)
    await bench.applied(two_pods())

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == "WorkloadRejected"
    assert "restart the operator" in accepted["message"]
    assert not bench.world.children
