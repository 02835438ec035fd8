"""Gangs by Kubernetes' own PodGroups: all of a job's pods get a node, or none does."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hack import apiserver
from tests import namespaces
from tests.cluster import gang_rig

Body = dict[str, Any]
JOBS = ("first", "second")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gang_rig.Rig]:
    """Return a control plane that places gangs, with three devices on three nodes."""
    folder: pathlib.Path = tmp_path_factory.mktemp("gangs")
    with gang_rig.running(folder) as found, gang_rig.devices(found.api, 3):
        yield found


@pytest.fixture
def place(rig: gang_rig.Rig) -> Iterator[namespaces.Namespace]:
    """Return a namespace of the test's own."""
    found = namespaces.Namespace(rig.api, namespaces.make(rig.api, "gang"))
    yield found
    for name in JOBS:
        rig.api.delete(f"{found.jobs}/{name}")
        rig.api.wait_gone(found.jobs, name, what=f"{name} to go", seconds=60)
    found.delete()


def until(
    place: namespaces.Namespace, name: str, reached: Callable[[Body], bool], *, what: str
) -> Body:
    """Return the status of a TrainingJob once it is as wanted."""
    found = place.api.wait(
        place.jobs, name, lambda each: reached(each.get("status") or {}), what=what, seconds=60
    )
    status: Body = found["status"]
    return status


def placed(status: Body) -> bool:
    """Tell whether all pods have a node."""
    return bool((status.get("placement") or {}).get("nodes"))


def refused(status: Body) -> bool:
    """Tell whether the scheduler has said of which pod of the job it has no node."""
    return f"3 Insufficient {gang_rig.RESOURCE}" in message(status)


def message(status: Body) -> str:
    """Return what `Placed` says."""
    found = [each["message"] for each in status.get("conditions", ()) if each["type"] == "Placed"]
    return "".join(found)


def on_nodes(place: namespaces.Namespace, name: str) -> list[str]:
    """Return the nodes of a job's pods."""
    selector = f"batch.kubernetes.io/job-name={name}-1"
    pods = place.api.get(place.pods, labelSelector=selector)["items"]
    assert len(pods) == 2
    return [each["spec"]["nodeName"] for each in pods if each["spec"].get("nodeName")]


def test_of_two_jobs_that_do_not_fit_together_one_runs_whole_and_then_the_other(
    rig: gang_rig.Rig, place: namespaces.Namespace
) -> None:
    api: apiserver.ApiServer = rig.api
    with gang_rig.operator(rig):
        for name in JOBS:
            api.create(place.jobs, gang_rig.gang(name))
        status = {
            name: until(
                place, name, lambda each: placed(each) or refused(each), what=f"{name} to be judged"
            )
            for name in JOBS
        }
        (whole,) = (name for name in JOBS if placed(status[name]))
        (waits,) = (name for name in JOBS if name != whole)

        assert len(set(on_nodes(place, whole))) == 2
        assert on_nodes(place, waits) == []
        told = message(status[waits])
        assert f"2 of 3 {gang_rig.RESOURCE} of class {gang_rig.CLASS} are in use" in told
        assert "the rest does for a part of the job's pods alone" in told

        api.delete(f"{place.jobs}/{whole}")
        until(place, waits, placed, what=f"{waits} to be placed")
        assert len(set(on_nodes(place, waits))) == 2


def test_a_group_goes_with_its_job_and_the_job_controller_makes_no_other(
    rig: gang_rig.Rig, place: namespaces.Namespace
) -> None:
    groups = gang_rig.GROUPS.format(place.name)
    with gang_rig.operator(rig):
        rig.api.create(place.jobs, gang_rig.gang("first"))
        until(place, "first", placed, what="the job to be placed")

        (group,) = rig.api.get(groups)["items"]
        assert group["metadata"]["name"] == "first-1"
        assert group["spec"]["schedulingPolicy"] == {"gang": {"minCount": 2}}
        assert rig.api.get(gang_rig.WORKLOADS.format(place.name))["items"] == []

        rig.api.delete(f"{place.jobs}/first")
        rig.api.wait_gone(groups, "first-1", what="the group to be collected", seconds=90)


def test_without_groups_a_part_of_a_job_takes_a_device(
    rig: gang_rig.Rig, place: namespaces.Namespace
) -> None:
    none = {"by": "none"}
    with gang_rig.job_controller_without_groups(rig), gang_rig.operator(rig, gang=none):
        for name in JOBS:
            rig.api.create(place.jobs, gang_rig.gang(name))
        for name in JOBS:
            until(
                place,
                name,
                lambda each: placed(each) or "this job has 1" in message(each),
                what=f"{name} to be placed, or a part of it",
            )

        assert sorted(len(on_nodes(place, name)) for name in JOBS) == [1, 2]
        assert rig.api.get(gang_rig.GROUPS.format(place.name))["items"] == []
