"""Nodes that a job's image can run on: a bound on what the job asks, whatever that is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders
from tests.unit.workloads import test_pod as pods
from trainshed.workloads import nodes

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AMD64 = [
    {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
    {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
]
ZONE = {"key": "zone", "operator": "In", "values": ["a"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each),
    max_leaves=5,
)


def terms(affinity: dict[str, Any] | None, *platforms: str) -> list[Any]:
    found = nodes.fitting(affinity, platforms or ("linux/amd64",))
    listed: list[Any] = found["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    return listed


def asked(*listed: Any) -> dict[str, Any]:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(listed)}}}


def affinity_of(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    found: dict[str, Any] = pods.pod_of(job)["spec"].get("affinity", {})
    return found


def test_a_built_image_stays_off_nodes_that_it_is_not_for() -> None:
    job = builders.training_job().script().spec(image={"platforms": ["linux/amd64"]})

    assert affinity_of(job) == asked({"matchExpressions": AMD64})
    assert affinity_of(builders.training_job().cnn()) == affinity_of(job)


def test_an_image_for_two_platforms_runs_on_nodes_of_both() -> None:
    image = {"platforms": ["linux/arm64", "linux/amd64"]}

    (term,) = affinity_of(builders.training_job().cnn().spec(image=image))["nodeAffinity"][
        REQUIRED
    ]["nodeSelectorTerms"]

    assert [each["values"] for each in term["matchExpressions"]] == [["linux"], ["amd64", "arm64"]]


def test_what_a_ready_image_is_for_is_not_guessed() -> None:
    assert affinity_of(builders.training_job().command("x")) == {}


def test_each_of_the_jobs_own_terms_is_bounded() -> None:
    fields = {"key": "metadata.name", "operator": "In", "values": ["n1"]}

    found = terms(asked({"matchExpressions": [ZONE]}, {"matchFields": [fields]}))

    assert found == [
        {"matchExpressions": [ZONE, *AMD64]},
        {"matchFields": [fields], "matchExpressions": AMD64},
    ]


def test_nodes_are_left_out_by_name_in_each_of_the_ways() -> None:
    others = [
        {"key": "metadata.name", "operator": "NotIn", "values": [each]} for each in ("a", "b")
    ]
    own = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    wished = asked({"matchExpressions": [ZONE]}, {"matchFields": [own]}, {})

    alone = nodes.fitting(None, (), avoided=("a", "b"))
    beside = nodes.fitting(wished, ("linux/amd64",), avoided=("a", "b"))

    assert alone == asked({"matchFields": others})
    assert beside == asked(
        {"matchExpressions": [ZONE, *AMD64], "matchFields": others},
        {"matchExpressions": AMD64, "matchFields": [own, *others]},
        {},
    )


def test_what_is_merely_preferred_stays_beside_it() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}
    beside = {"podAntiAffinity": {"x": []}}

    found = nodes.fitting({"nodeAffinity": preferred, **beside}, ("linux/amd64",))

    assert found["nodeAffinity"] == {
        **preferred,
        **asked({"matchExpressions": AMD64})["nodeAffinity"],
    }
    assert found["podAntiAffinity"] == beside["podAntiAffinity"]


def test_a_term_that_takes_no_node_does_not_come_to_take_some() -> None:
    assert terms(asked({})) == [{}]


@pytest.mark.parametrize(
    "affinity",
    [
        {"nodeAffinity": "x"},
        {"nodeAffinity": {REQUIRED: "x"}},
        {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": "x"}}},
        asked("x"),
        asked({"matchExpressions": "x"}),
    ],
)
def test_what_is_no_affinity_is_left_for_the_api_server_to_refuse(affinity: dict[str, Any]) -> None:
    assert nodes.fitting(affinity, ("linux/amd64",)) == affinity


@given(JSON, JSON)
def test_whatever_is_written_there_never_ends_a_pass(node: Any, other: Any) -> None:
    for written in (node, {REQUIRED: node}, {REQUIRED: {"nodeSelectorTerms": node}}):
        whole = {"nodeAffinity": written, "podAffinity": other}
        nodes.fitting(whole, ("linux/amd64",), avoided=("a",))
