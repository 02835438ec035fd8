"""By what a scheduler places all pods of a job or none, as it is found at the start."""

import logging

import pytest

from tests.unit.kube.store import Store
from trainshed import config
from trainshed.kube import errors, kinds
from trainshed.runtime import placers
from trainshed.workloads import podgroups

GROUP = "/apis/scheduling.k8s.io"


def cluster(**resources: list[str]) -> Store:
    """Return an API server with these resources, by version of the group."""
    store = Store()
    store.documents[GROUP] = {"versions": [{"version": each} for each in resources]}
    for version, names in resources.items():
        store.documents[f"{GROUP}/{version}"] = {"resources": [{"name": each} for each in names]}
    return store


async def found(store: Store, **settings: str) -> podgroups.Placer | None:
    """Return what the operator takes."""
    return await placers.found(store, config.Gang.model_validate(settings))


async def test_kubernetes_own_groups_are_taken_where_they_are_served() -> None:
    store = cluster(v1=["priorityclasses"], v1alpha2=["podgroups", "podgroups/status", "workloads"])

    assert await found(store) == podgroups.Native()
    assert await found(store, schedulerName="gangs") == podgroups.Native(scheduler="gangs")


async def test_what_is_created_is_of_the_version_that_was_found() -> None:
    assert podgroups.Native().api_version == kinds.POD_GROUPS.api_version
    assert podgroups.Coscheduling().api_version == kinds.COSCHEDULED.api_version


async def test_most_clusters_have_none_and_nothing_is_said_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await found(cluster(v1=["priorityclasses"])) is None
    assert await found(Store()) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "served", [{"v1alpha1": ["workloads"]}, {"v1beta1": ["podgroups", "workloads"]}], ids=str
)
async def test_a_version_that_is_not_known_is_told_and_not_used(
    served: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    assert await found(cluster(v1=["priorityclasses"], **served)) is None

    (record,) = caplog.records
    assert record.message == "pod_groups_unknown"
    assert record.__dict__["served"] == list(served)
    assert "scheduling.k8s.io/v1alpha2" in record.__dict__["advice"]


def refusing(error: errors.ApiError) -> Store:
    """Return an API server that tells nothing of what it serves."""
    store = cluster(v1alpha2=["podgroups"])

    async def refuse(verb: str, kind: kinds.Kind | None) -> None:
        raise error

    store.before = refuse
    return store


async def test_where_the_operator_may_not_ask_jobs_have_none_and_it_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await found(refusing(errors.Forbidden("may not get /apis"))) is None

    (record,) = caplog.records
    assert record.message == "pod_groups_unread"
    assert record.__dict__["error"] == "may not get /apis"
    assert "placement.gang.by" in record.__dict__["advice"]


async def test_an_api_server_that_is_busy_is_not_taken_for_one_without_groups() -> None:
    with pytest.raises(errors.Unavailable):
        await found(refusing(errors.Unavailable("busy", status=503)))


async def test_the_plugin_is_taken_by_the_settings_alone() -> None:
    store = cluster(v1alpha2=["podgroups"])

    assert await found(store, by="coscheduling") == podgroups.Coscheduling()
    assert await found(store, by="none") is None
    assert store.requests == []
