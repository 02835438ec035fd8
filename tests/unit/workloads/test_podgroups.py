"""PodGroups, for schedulers that place all pods of a job or none."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.workloads import podgroups

LABEL = "scheduling.x-k8s.io/pod-group"


def children(job: builders.TrainingJobBuilder, placer: podgroups.Placer | None) -> dict[str, Any]:
    """Return what the operator creates, by kind."""
    seen = builders.observation(job, build=facts.built())
    creates = passes.decided(seen, settings=facts.settings(placer=placer)).creates
    return {each["kind"]: each for each in creates}


def test_a_job_of_several_pods_has_a_group_of_all_of_them() -> None:
    job = builders.training_job().script().replicas(3)

    found = children(job, podgroups.Coscheduling(scheduler="all-or-none"))

    group, template = found["PodGroup"], found["Job"]["spec"]["template"]
    assert group["apiVersion"] == "scheduling.x-k8s.io/v1alpha1"
    assert group["spec"] == {"minMember": 3, "scheduleTimeoutSeconds": 60}
    assert group["metadata"]["ownerReferences"] == found["Job"]["metadata"]["ownerReferences"]
    assert template["metadata"]["labels"][LABEL] == group["metadata"]["name"]
    assert template["spec"]["schedulerName"] == "all-or-none"
    assert list(found) == ["Service", "PodGroup", "Job"]


def test_the_clusters_own_scheduler_may_have_the_plugin() -> None:
    job = builders.training_job().script().replicas(2)

    found = children(job, podgroups.Coscheduling())

    assert "PodGroup" in found
    assert "schedulerName" not in found["Job"]["spec"]["template"]["spec"]


def test_kubernetes_own_group_is_named_in_the_pods_spec() -> None:
    job = builders.training_job().script().replicas(3)

    found = children(job, podgroups.Native())

    group, template = found["PodGroup"], found["Job"]["spec"]["template"]
    assert group["apiVersion"] == "scheduling.k8s.io/v1alpha2"
    assert group["spec"] == {"schedulingPolicy": {"gang": {"minCount": 3}}}
    assert group["metadata"]["ownerReferences"] == found["Job"]["metadata"]["ownerReferences"]
    assert template["spec"]["schedulingGroup"] == {"podGroupName": group["metadata"]["name"]}
    assert LABEL not in template["metadata"]["labels"]
    assert "schedulerName" not in template["spec"]
    assert list(found) == ["Service", "PodGroup", "Job"]


def test_another_scheduler_of_the_cluster_may_place_gangs() -> None:
    job = builders.training_job().script().replicas(2)

    found = children(job, podgroups.Native(scheduler="gangs"))

    assert found["Job"]["spec"]["template"]["spec"]["schedulerName"] == "gangs"


@pytest.mark.parametrize(
    ("job", "placer"),
    [
        (builders.training_job().script(), podgroups.Coscheduling()),
        (builders.training_job().cnn().folds(3), podgroups.Coscheduling()),
        (builders.training_job().script(), podgroups.Native()),
        (builders.training_job().cnn().folds(3), podgroups.Native()),
        (builders.training_job().script().replicas(2), None),
    ],
    ids=["one pod", "folds", "natively one pod", "natively folds", "where nothing places gangs"],
)
def test_others_have_none(
    job: builders.TrainingJobBuilder, placer: podgroups.Placer | None
) -> None:
    found = children(job, placer)

    assert "PodGroup" not in found
    assert LABEL not in found["Job"]["spec"]["template"]["metadata"]["labels"]
    assert "schedulingGroup" not in found["Job"]["spec"]["template"]["spec"]
