"""Labels, affinities and taints are judged as the scheduler judges them."""

from __future__ import annotations

from typing import Any

import pytest

from tests import places
from trainshed.accelerators import amounts, nodes, selecting, tolerating
from trainshed.api import pod as pod_api

SHAPE = nodes.shape(places.node("a", labels_={"zone": "z1", "cores": "8", "odd": "x"}))


def required(*terms: Any) -> Any:
    """Return an affinity of these terms."""
    selector = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}


def expression(key: str, operator: str, *values: str) -> Any:
    """Return a term of one expression."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("affinity", "admitted"),
    [
        (None, True),
        (required(expression("zone", "In", "z1", "z2")), True),
        (required(expression("zone", "In", "z2")), False),
        (required(expression("zone", "NotIn", "z2")), True),
        (required(expression("none", "NotIn", "z2")), True),
        (required(expression("zone", "Exists")), True),
        (required(expression("none", "Exists")), False),
        (required(expression("none", "DoesNotExist")), True),
        (required(expression("cores", "Gt", "4")), True),
        (required(expression("cores", "Gt", "8")), False),
        (required(expression("cores", "Lt", "9")), True),
        (required(expression("odd", "Lt", "9")), False),
        (required(expression("zone", "In", "z2"), expression("odd", "Exists")), True),
        (required({}), False),
        (required(expression("kubernetes.io/hostname", "In", "b")), True),
        (required({"matchFields": [{"key": "metadata.name"}]}), True),
        (required(expression("cores", "Gt", "-1")), True),
        (required(expression("cores", "Lt", "+9")), True),
        (required(None), False),
    ],
)
def test_an_affinity_admits_a_node(affinity: Any, admitted: bool) -> None:
    assert selecting.admitted(SHAPE, affinity) is admitted


@pytest.mark.parametrize(
    "affinity",
    [
        {"nodeAffinity": "no affinity"},
        {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": 5}},
        required(5),
        required({"matchExpressions": 5}),
        required({"matchExpressions": {"key": "zone"}}),
        required({"matchExpressions": [5]}),
        required({"matchExpressions": [{"operator": "Exists"}]}),
        required({"matchExpressions": [{"key": 5, "operator": "Exists"}]}),
        required({"matchExpressions": [{"key": ["zone"], "operator": "In", "values": ["z2"]}]}),
        required({"matchExpressions": [{"key": "zone", "operator": "In", "values": 5}]}),
        required({"matchExpressions": [{"key": "none", "operator": "In", "values": "z2"}]}),
        required({"matchExpressions": [{"key": "zone", "operator": "In", "values": [5]}]}),
        required({"matchExpressions": [{"key": "zone", "operator": ["In"], "values": ["z2"]}]}),
        required(expression("zone", "In")),
        required(expression("zone", "NotIn")),
        required(expression("cores", "Gt")),
        required(expression("cores", "Gt", "9", "9")),
        required(expression("cores", "Gt", "--5")),
        required(expression("cores", "Lt", "²")),
        required(expression("cores", "Lt", "1_0")),
        required(expression("cores", "Gt", "9" * 5000)),
    ],
    ids=lambda affinity: str(affinity)[-60:],
)
def test_what_is_no_affinity_is_left_to_the_api_server(affinity: Any) -> None:
    assert selecting.admitted(SHAPE, affinity)
    assert selecting.keys({}, affinity) <= {"zone", "cores", "none"}


@pytest.mark.parametrize(
    ("toleration", "borne"),
    [
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "no"}, False),
        ({"operator": "Exists"}, True),
        ({"key": "", "operator": "Exists"}, True),
        ({"key": "", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_bears_a_taint(toleration: Any, borne: bool) -> None:
    taint = nodes.Taint("gpu", "yes", "NoSchedule")
    asked = [pod_api.Toleration.model_validate(toleration)]

    assert tolerating.unborne([taint], asked) == (None if borne else taint)


@pytest.mark.parametrize(
    ("quantity", "scale", "whole"),
    [
        ("4", 1000, 4000),
        ("250m", 1000, 250),
        ("1.5Gi", 1, 3 << 29),
        ("1e3", 1, 1000),
        ("2k", 1, 2000),
        ("1n", 1000, 1),
        ("", 1, 0),
        ("many", 1, 0),
        ("-1", 1, -1),
        ("1e99", 1, 10**99),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(
    quantity: str, scale: int, whole: int
) -> None:
    assert amounts.of(quantity, scale=scale) == whole


def test_taints_and_problems_of_the_moment_are_no_part_of_what_a_node_is() -> None:
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
    found = nodes.shape(places.node("a", taints=[taint], ready=False, unschedulable=True))

    assert found.taints == ()
    assert found.problems == ("cordoned", "not ready")


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("ToBeDeletedByClusterAutoscaler", "NoSchedule"),
        ("cloud.google.com/impending-node-termination", "NoSchedule"),
        ("ebs.csi.aws.com/agent-not-ready", "NoExecute"),
        ("karpenter.sh/disrupted", "NoSchedule"),
        ("karpenter.sh/unregistered", "NoExecute"),
        ("node.cilium.io/agent-not-ready", "NoExecute"),
        ("node.cloudprovider.kubernetes.io/uninitialized", "NoSchedule"),
        ("node.cluster.x-k8s.io/uninitialized", "NoSchedule"),
    ],
)
def test_taints_of_nodes_that_come_and_go_are_problems_of_the_moment(key: str, effect: str) -> None:
    found = nodes.shape(places.node("a", taints=[places.taint(key, "1", effect)]))

    assert found.taints == ()
    assert found.problems == (f"tainted {key}",)
    assert found.faults == ()


@pytest.mark.parametrize("key", ["nvidia.com/gpu", "karpenter.sh.example/x", "agent-not-ready"])
def test_other_taints_are_part_of_what_a_node_is(key: str) -> None:
    found = nodes.shape(places.node("a", taints=[places.taint(key)]))

    assert [each.key for each in found.taints] == [key]
    assert found.problems == ()


def test_a_wish_that_pods_keep_off_is_no_problem() -> None:
    wish = places.taint("DeletionCandidateOfClusterAutoscaler", "1", "PreferNoSchedule")
    found = nodes.shape(places.node("a", taints=[wish]))

    assert (found.taints, found.problems) == ((), ())
