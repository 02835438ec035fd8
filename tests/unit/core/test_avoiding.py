"""Nodes that failed under other jobs of the namespace are left out, while others are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.accelerators import index
from trainshed.core import avoiding, observed, offenders, plan, times

GPU = "nvidia.com/gpu"
NOW = 10.0
NODE = "requiredDuringSchedulingIgnoredDuringExecution"


def failures(
    *nodes: str, each: int = 2, namespace: str = builders.NAMESPACE
) -> offenders.Offenders:
    """Return nodes that failed so often, the last one of them last."""
    found = offenders.Offenders()
    for number, node in enumerate(nodes):
        for time in range(each):
            ended = times.render(builders.T0 - 7200 + 600 * time + number)
            failure = {"class": "NodeLost", "node": node}
            job = builders.training_job().named(
                f"lost-{number}-{time}", namespace=namespace, uid=f"{node}-{time}"
            )
            job.status({"failure": failure, "completionTime": ended})
            found.put(job.view())
    return found


def gpus(*names: str, **more: Any) -> index.Index:
    """Return nodes of one device each."""
    return places.of(places.gpu("l4"), *(places.node(each, {GPU: 1}, **more) for each in names))


def made(
    known: offenders.Offenders | None,
    at: index.Index | None,
    job: builders.TrainingJobBuilder | None = None,
    **spec: Any,
) -> plan.Plan:
    """Return the plan of the pass that makes a job's pods."""
    asked = (job or builders.training_job().cnn()).spec(**{"accelerator": {"class": "l4"}, **spec})
    seen = builders.observation(asked, build=facts.built(), places=at, offenders=known)
    return passes.decided(seen, now=NOW)


def kept_off(wanted: plan.Plan) -> list[list[str]]:
    """Return the nodes that each term of the pods' affinity keeps off."""
    pod = wanted.creates[-1]["spec"]["template"]["spec"]
    terms = pod.get("affinity", {}).get("nodeAffinity", {}).get(NODE, {}).get("nodeSelectorTerms")
    fields = [each.get("matchFields", []) for each in terms or ()]
    assert all(
        (each["key"], each["operator"]) == ("metadata.name", "NotIn")
        for of in fields
        for each in of
    )
    return [[name for each in of for name in each["values"]] for of in fields]


def told(wanted: plan.Plan) -> dict[str, str]:
    """Return the events of it by reason."""
    return {each.reason: each.message for each in wanted.notices if "Avoided" in each.reason}


def avoided(wanted: plan.Plan) -> Sequence[str] | None:
    """Return what the status says is left out."""
    placement = passes.read(wanted).placement
    assert placement is not None
    return placement.avoided_nodes


def test_a_node_that_failed_twice_is_left_out_and_told() -> None:
    wanted = made(failures("a"), gpus("a", "b"))

    assert kept_off(wanted) == [["a"]]
    assert avoided(wanted) == ["a"]
    assert told(wanted) == {
        "NodesAvoided": "left out, after failures under jobs of this namespace within a day: a 2"
        " times (lost-0-1, lost-0-0); see what is wrong (kubectl describe node a), or delete those"
        " jobs to have it used again"
    }


def test_once_is_no_repetition_unless_the_job_says_so() -> None:
    once = failures("a", each=1)

    assert avoided(made(once, gpus("a", "b"))) is None
    assert avoided(made(once, gpus("a", "b"), failurePolicy={"avoidNodesAfter": 1})) == ["a"]
    assert (
        avoided(made(failures("a"), gpus("a", "b"), failurePolicy={"avoidNodesAfter": 3})) is None
    )


@pytest.mark.parametrize(
    ("at", "spec"),
    [
        (gpus("a"), {}),
        (gpus("a", "b"), {"replicas": 2}),
        (
            places.of(
                places.gpu("l4"),
                places.node("a", {GPU: 1}),
                places.node("b", {GPU: 1}, ready=False),
                places.node("c"),
            ),
            {},
        ),
    ],
    ids=["no other", "too few for all pods", "the others are not ready or have no devices"],
)
def test_no_node_is_left_out_where_those_that_are_left_do_not_hold_the_job(
    at: index.Index, spec: dict[str, Any]
) -> None:
    wanted = made(failures("a"), at, **spec)

    assert kept_off(wanted) == [[]]
    assert avoided(wanted) is None
    assert told(wanted)["NodesNotAvoided"].startswith("not left out after failures")
    assert "a 2 times" in told(wanted)["NodesNotAvoided"]


@pytest.mark.parametrize(
    ("known", "at", "job"),
    [
        (failures("a", namespace="others"), gpus("a", "b"), None),
        (failures("gone"), gpus("a", "b"), None),
        (
            failures("c"),
            places.of(places.gpu("l4"), places.node("a", {GPU: 1}), places.node("c")),
            None,
        ),
        (failures("a"), gpus("a", "b"), builders.training_job().cnn().queued()),
        (None, gpus("a", "b"), None),
    ],
    ids=["another namespace's", "gone", "of no such devices", "in a queue", "uncounted"],
)
def test_what_is_no_matter_of_the_job_is_not_told(
    known: offenders.Offenders | None, at: index.Index, job: builders.TrainingJobBuilder | None
) -> None:
    wanted = made(known, at, job)

    assert kept_off(wanted) == [[]]
    assert told(wanted) == {}


def test_a_job_on_cpus_keeps_off_such_nodes_too() -> None:
    at = places.of(places.node("a"), places.node("b"))

    assert kept_off(made(failures("a"), at, accelerator=None)) == [["a"]]
    assert avoided(made(failures("a"), None, accelerator=None)) is None


def test_where_admission_refuses_what_pods_say_of_nodes_none_is_left_out() -> None:
    seen = builders.observation(
        builders.training_job().cnn().spec(accelerator={"class": "l4"}),
        build=facts.built(),
        places=gpus("a", "b"),
        offenders=failures("a"),
    )

    wanted = passes.decided(seen, now=NOW, settings=facts.settings(avoids=False))

    assert (avoided(wanted), told(wanted)) == (None, {})


def test_of_many_such_nodes_those_that_failed_last_are_left_out() -> None:
    bad = [f"bad-{number}" for number in range(avoiding.MOST + 4)]

    wanted = made(failures(*bad, each=5), gpus(*bad, "good"))

    assert avoided(wanted) == bad[::-1][: avoiding.MOST]
    said = told(wanted)["NodesAvoided"]
    assert "bad-19 5 times (lost-19-4, lost-19-3, lost-19-2 and 2 more), bad-18 5 times" in said
    assert "and 13 more; see what is wrong" in said


def test_a_second_try_at_making_the_pods_tells_nothing_anew() -> None:
    asked = builders.training_job().cnn().spec(accelerator={"class": "l4"})
    known, at = failures("a"), gpus("a", "b")
    seen = builders.observation(asked, build=facts.built(), places=at, offenders=known)

    wanted = passes.seen_again(seen, now=NOW)

    assert kept_off(wanted) == [["a"]]
    assert wanted.notices == ()


def test_who_waits_is_told_what_was_left_out() -> None:
    asked = builders.training_job().cnn().spec(accelerator={"class": "l4"})
    at = gpus("a", "b")
    seen = builders.observation(asked, build=facts.built(), places=at, offenders=failures("a"))
    stored = passes.stored(seen, passes.decided(seen, now=NOW))
    said = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match."
    pod = builders.pod().condition("PodScheduled", "False", "Unschedulable", said)
    waits = observed.Observation(
        job=stored.job,
        places=at,
        workload=builders.job().active().view(),
        pods=(pod.view(),),
        build=facts.built(),
    )

    status, reason, message = passes.condition(passes.decided(waits, now=NOW + 5), "Placed")

    assert (status, reason) == ("False", "InsufficientNow")
    assert "(left out after failures there: a)" in message
