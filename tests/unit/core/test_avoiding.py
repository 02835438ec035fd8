"""Nodes that failed under other jobs of the namespace are left out, while others are left."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.accelerators import index, nodes
from trainshed.core import avoiding, offenders, plan, times

GPU = "nvidia.com/gpu"
NOW = 10.0
NODE = "requiredDuringSchedulingIgnoredDuringExecution"


def failures(
    *names: str, each: int = 2, namespace: str = builders.NAMESPACE
) -> offenders.Offenders:
    """Return nodes that failed so often, the last one of them last."""
    found = offenders.Offenders()
    for number, node in enumerate(names):
        for time in range(each):
            ended = times.render(builders.T0 - 7200 + 600 * time + number)
            failure = {"class": "NodeLost", "node": node}
            lost = builders.training_job().named(
                f"lost-{number}-{time}", namespace=namespace, uid=f"{node}-{time}"
            )
            lost.status({"failure": failure, "completionTime": ended})
            found.put(lost.view())
    return found


def gpus(*names: str, **more: Any) -> index.Index:
    """Return nodes of one device each."""
    return places.of(places.gpu("l4"), *(places.node(each, {GPU: 1}, **more) for each in names))


def job(**spec: Any) -> builders.TrainingJobBuilder:
    """Return a job that asks for a device."""
    return builders.training_job().cnn().spec(**{"accelerator": {"class": "l4"}, **spec})


def settled(
    known: offenders.Offenders | None,
    at: index.Index | None,
    asked: builders.TrainingJobBuilder | None = None,
    *,
    avoids: bool = True,
) -> tuple[plan.Plan, plan.Plan]:
    """Return the plan that says what is left out, and the one that makes the pods."""
    seen = builders.observation(asked or job(), build=facts.built(), places=at, offenders=known)
    settings = facts.settings(avoids=avoids)
    first = passes.decided(seen, now=NOW, settings=settings)
    if first.creates:
        return first, first
    # A pass that makes objects writes no status.
    assert first.requeue_after is not None
    # What failed since changes nothing: it is settled.
    later = dataclasses.replace(passes.stored(seen, first), offenders=failures("b"))
    return first, passes.decided(later, now=NOW + 1, settings=settings)


def kept_off(made: plan.Plan) -> list[list[str]]:
    """Return the nodes that each term of the pods' affinity keeps off."""
    pod = made.creates[-1]["spec"]["template"]["spec"]
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
    first, made = settled(failures("a"), gpus("a", "b"))

    assert avoided(first) == ["a"]
    assert told(first) == {
        "NodesAvoided": "left out, after failures under jobs of this namespace within a day: a 2"
        " times (lost-0-1, lost-0-0); see what is wrong (kubectl describe node a), or delete those"
        " jobs to have it used again"
    }
    assert not first.creates
    assert kept_off(made) == [["a"]]
    assert told(made) == {}


def test_where_a_driver_allocates_the_devices_none_is_left_out_as_its_room_is_not_known() -> None:
    match = {"nodeLabels": {"driver": "here"}}
    at = places.of(
        places.class_("l4", "gpu", deviceClassName="gpu.example.com", match=match),
        *(places.node(each, labels_={"driver": "here"}) for each in "ab"),
    )

    first, made = settled(failures("a"), at)

    assert first is made
    assert not any(kept_off(made))
    assert told(made) == {}


def test_once_is_no_repetition_unless_the_job_says_so() -> None:
    once, at = failures("a", each=1), gpus("a", "b")

    assert avoided(settled(once, at)[0]) is None
    assert avoided(settled(once, at, job(failurePolicy={"avoidNodesAfter": 1}))[0]) == ["a"]
    thrice = job(failurePolicy={"avoidNodesAfter": 3})
    assert avoided(settled(failures("a"), at, thrice)[0]) is None


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
    first, made = settled(failures("a"), at, job(**spec))

    assert avoided(first) == []
    assert told(first)["NodesNotAvoided"].startswith("not left out after failures")
    assert "a 2 times" in told(first)["NodesNotAvoided"]
    assert kept_off(made) == [[]]


@pytest.mark.parametrize(
    ("known", "at", "asked", "avoids"),
    [
        (failures("a", namespace="others"), gpus("a", "b"), job(), True),
        (failures("gone"), gpus("a", "b"), job(), True),
        (failures("cpu"), gpus("a", "b"), job(), True),
        (failures("a"), gpus("a", "b"), job().queued(), True),
        (failures("a"), gpus("a", "b"), job(), False),
        (failures("a"), None, job(accelerator=None), True),
        (None, gpus("a", "b"), job(), True),
    ],
    ids=[
        "another namespace's",
        "gone",
        "of no such devices",
        "in a queue",
        "where admission refuses it",
        "unknown nodes",
        "uncounted",
    ],
)
def test_what_is_no_matter_of_the_job_costs_no_pass_and_is_not_told(
    known: offenders.Offenders | None,
    at: index.Index | None,
    asked: builders.TrainingJobBuilder,
    *,
    avoids: bool,
) -> None:
    if at is not None:
        at.put_node("cpu", nodes.shape(places.node("cpu")))

    first, made = settled(known, at, asked, avoids=avoids)

    assert first is made
    assert kept_off(made) == [[]]
    assert told(made) == {}


def test_a_job_on_cpus_keeps_off_such_nodes_too() -> None:
    at = places.of(places.node("a"), places.node("b"))

    assert kept_off(settled(failures("a"), at, job(accelerator=None))[1]) == [["a"]]


def test_of_many_such_nodes_those_that_failed_last_are_left_out() -> None:
    bad = [f"bad-{number}" for number in range(avoiding.MOST + 4)]

    first, made = settled(failures(*bad, each=5), gpus(*bad, "good"))

    assert avoided(first) == bad[::-1][: avoiding.MOST]
    assert kept_off(made) == [avoided(first)]
    said = told(first)["NodesAvoided"]
    assert "bad-19 5 times (lost-19-4, lost-19-3, lost-19-2 and 2 more), bad-18 5 times" in said
    assert "and 13 more; see what is wrong" in said


def test_who_waits_is_told_what_was_left_out() -> None:
    at = gpus("a", "b")
    seen = builders.observation(job(), build=facts.built(), places=at, offenders=failures("a"))
    said = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) didn't match."
    pod = builders.pod().condition("PodScheduled", "False", "Unschedulable", said)
    waits = dataclasses.replace(
        passes.stored(seen, passes.decided(seen, now=NOW)),
        workload=builders.job().active().view(),
        pods=(pod.view(),),
    )

    status, reason, message = passes.condition(passes.decided(waits, now=NOW + 5), "Placed")

    assert (status, reason) == ("False", "InsufficientNow")
    assert "(left out after failures there: a)" in message
