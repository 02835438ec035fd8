"""Beside which pods a job's pods would rather run: wishes alone, and none of a CPU's."""

from typing import Any

from hypothesis import given

from tests import builders, facts
from tests.unit.core import passes
from tests.unit.workloads import test_golden as golden
from tests.unit.workloads.test_nodes import JSON
from trainshed.workloads import neighbours

PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
CLOSE = {"labelSelector": {"matchLabels": {"trainshed.dev/job": "gestures"}}}


def template(
    job: builders.TrainingJobBuilder, wishes: neighbours.Wishes | None = None
) -> dict[str, Any]:
    seen = builders.observation(job, build=facts.built(), places=golden.AT)
    settings = facts.settings(wishes=wishes or neighbours.Wishes())
    found: dict[str, Any] = passes.decided(seen, settings=settings).creates[-1]["spec"]["template"]
    return found


def wished(found: dict[str, Any]) -> list[dict[str, Any]]:
    beside: dict[str, Any] = found["spec"].get("affinity", {}).get("podAffinity", {})
    assert set(beside) <= {PREFERRED}
    listed: list[dict[str, Any]] = beside.get(PREFERRED, [])
    return listed


def gpu(**fields: Any) -> builders.TrainingJobBuilder:
    asked = {"accelerator": {"class": "nvidia-l4"}, **fields}
    return builders.training_job().script().spec(**asked)


def test_pods_of_one_job_wish_each_other_the_closer_the_more() -> None:
    assert wished(template(gpu(replicas=2))) == [
        {"weight": 100, "podAffinityTerm": {**CLOSE, "topologyKey": "kubernetes.io/hostname"}},
        {"weight": 50, "podAffinityTerm": {**CLOSE, "topologyKey": "topology.kubernetes.io/zone"}},
    ]


def test_the_scheduler_does_not_spread_what_wishes_to_be_close() -> None:
    (spread,) = template(gpu(replicas=2))["spec"]["topologySpreadConstraints"]

    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert "labelSelector" not in spread


def test_the_site_names_what_is_close() -> None:
    keys = ("kubernetes.io/hostname", "rack", "block")

    found = wished(template(gpu(replicas=2), neighbours.Wishes(topology_keys=keys)))

    weights = [(each["podAffinityTerm"]["topologyKey"], each["weight"]) for each in found]
    assert weights == [("kubernetes.io/hostname", 100), ("rack", 50), ("block", 25)]


def test_without_a_key_the_scheduler_does_as_it_always_does() -> None:
    found = template(gpu(replicas=2), neighbours.Wishes(topology_keys=()))

    assert wished(found) == []
    assert "topologySpreadConstraints" not in found["spec"]


def test_a_pod_alone_wishes_for_nodes_that_others_have_begun() -> None:
    found = template(gpu())

    (wish,) = wished(found)
    assert wish["podAffinityTerm"] == {
        "labelSelector": {"matchLabels": {"trainshed.dev/packed": "nvidia-l4"}},
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    }
    marks = found["metadata"]["labels"]
    assert (marks["trainshed.dev/class"], marks["trainshed.dev/packed"]) == ("nvidia-l4",) * 2


def test_pods_of_several_are_not_drawn_to_nodes_that_others_fill_up() -> None:
    marks = template(gpu(replicas=2))["metadata"]["labels"]

    assert marks["trainshed.dev/class"] == "nvidia-l4"
    assert "trainshed.dev/packed" not in marks


def test_folds_are_pods_alone() -> None:
    job = builders.training_job().cnn().folds(3).spec(accelerator={"class": "nvidia-l4"})

    (wish,) = wished(template(job))

    assert "namespaceSelector" in wish["podAffinityTerm"]


def test_the_site_may_have_them_not_packed() -> None:
    assert wished(template(gpu(), neighbours.Wishes(pack=False))) == []
    assert len(wished(template(gpu(replicas=2), neighbours.Wishes(pack=False)))) == 2


def test_jobs_on_cpus_are_left_as_they_are() -> None:
    for replicas in (1, 2):
        found = template(builders.training_job().script().replicas(replicas))

        assert wished(found) == []
        assert "trainshed.dev/class" not in found["metadata"]["labels"]
        assert "topologySpreadConstraints" not in found["spec"]


def test_the_jobs_own_wishes_stay_beside_ours() -> None:
    own = {"weight": 7, "podAffinityTerm": {"topologyKey": "zone"}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}
    anti = {"podAntiAffinity": {PREFERRED: []}}
    affinity = {"podAffinity": {PREFERRED: [own], **required}, **anti}

    found = template(gpu(pod={"affinity": affinity}))["spec"]["affinity"]

    assert found["podAffinity"][PREFERRED][0] == own
    assert len(found["podAffinity"][PREFERRED]) == 2
    assert found["podAffinity"] == {**required, PREFERRED: found["podAffinity"][PREFERRED]}
    assert found["podAntiAffinity"] == anti["podAntiAffinity"]


def test_a_build_pod_has_no_wishes() -> None:
    job = (
        builders.training_job()
        .git("https://example.org/x.git")
        .spec(accelerator={"class": "nvidia-l4"})
    )

    order = passes.decided(builders.observation(job, places=golden.AT)).build

    assert order is not None
    assert "podAffinity" not in order.placement.get("affinity", {})


@given(JSON)
def test_whatever_is_written_there_never_ends_a_pass(written: Any) -> None:
    for affinity in ({"podAffinity": written}, {"podAffinity": {PREFERRED: written}}):
        template(gpu(pod={"affinity": affinity}))
