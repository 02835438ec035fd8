"""The Job that has nodes pull a base: small, restricted, spread, and gone by itself."""

from typing import Any

from trainshed.api import labels
from trainshed.builds import prepulls

BASE = "registry.example/own/base@sha256:" + "b" * 64
PLACEMENT = {"nodeSelector": {"gpu": "yes"}, "tolerations": [{"operator": "Exists"}]}


def rendered(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"namespace": "team-a", "nodes": 3, "placement": PLACEMENT}
    return prepulls.render(BASE, **{**known, **fields})


def test_it_runs_where_the_job_may_and_nowhere_twice_if_that_can_be() -> None:
    job = rendered(pull_secrets=("regcred",))
    pod = job["spec"]["template"]["spec"]

    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (3, 3)
    assert pod["nodeSelector"] == {"gpu": "yes"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "regcred"}]
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spread["labelSelector"]["matchLabels"] == {
        "batch.kubernetes.io/job-name": job["metadata"]["name"]
    }


def test_it_holds_no_accelerator_and_hardly_anything_else() -> None:
    (container,) = rendered()["spec"]["template"]["spec"]["containers"]

    assert container["image"] == BASE
    assert container["resources"]["requests"] == {"cpu": "10m", "memory": "16Mi"}


def test_it_ends_and_goes_whatever_a_node_does() -> None:
    spec = rendered()["spec"]

    assert spec["activeDeadlineSeconds"] == 600
    assert spec["ttlSecondsAfterFinished"] == 60
    assert spec["backoffLimitPerIndex"] == 0


def test_it_is_none_of_the_jobs_that_are_watched() -> None:
    job = rendered()

    for each in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert labels.MANAGED_BY not in each["labels"]


def test_the_same_base_on_the_same_nodes_has_one_name_and_any_other_another() -> None:
    name = rendered()["metadata"]["name"]

    assert rendered()["metadata"]["name"] == name
    for other in ({"nodes": 4}, {"placement": {}}, {"pull_secrets": ("a",)}):
        assert rendered(**other)["metadata"]["name"] != name
