"""Why a pod waits for a node: by the scheduler's real words, and by what nodes there are."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.accelerators import usage
from trainshed.api import status
from trainshed.core import observed, plan, scheduling

GPU = "nvidia.com/gpu"
NOT_HELPFUL = " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
NO_GPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu." + NOT_HELPFUL
MISMATCH = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
TAINT = "0/1 nodes are available: 1 node(s) had untolerated taint(s)." + NOT_HELPFUL

GATHERS = (
    "pod group is unschedulable, waiting for minCount pods from a gang to be scheduled, one or more"
    " plugins asked to wait and no plugin rejected pod"
)
"""What kube-scheduler 1.36 says of a pod that has a node only if the rest of its gang has one."""


def waiting(
    message: str,
    *at: Any,
    asked: Any = None,
    holders: Any = None,
    scaling: observed.Scaling | None = None,
    **spec: Any,
) -> observed.Observation:
    """Return a job whose choice is made, and whose pod the scheduler refuses; then nodes change."""
    known = places.of(*at)
    job = builders.training_job().cnn().spec(accelerator=asked, **spec)
    if asked is not None:
        chosen = {"type": "gpu", "class": asked["class"], "resourceName": GPU, "nodes": []}
        job = job.status({"placement": {**chosen, "count": asked.get("count", 1)}})
    counted = usage.Usage(known)
    for number, (name, node, count) in enumerate(holders or ()):
        counted.put(f"pod-{number}", usage.Use(("team", name), node, GPU, count))
    return builders.observation(
        job,
        build=facts.built(),
        workload=builders.job().active(),
        pods=[builders.pod().unschedulable(message)],
        places=known,
        devices=counted,
        scaling=scaling,
    )


def told(seen: observed.Observation, *, now: float = 10) -> status.Condition:
    """Return what a pass says of the placement."""
    found = passes.read(passes.decided(seen, now=now)).condition("Placed")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("message", "cause", "lacking"),
    [
        (
            "0/6 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 4"
            " Insufficient cpu. preemption: 0/6 nodes are available: 2 Preemption is not helpful"
            " for scheduling, 4 No preemption victims found for incoming pod.",
            scheduling.Cause.ROOM,
            ("cpu",),
        ),
        (
            "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods.",
            scheduling.Cause.ROOM,
            ("cpu", "memory", "pods"),
        ),
        (
            "0/2 nodes are available: 2 Insufficient xilinx.com/fpga-xilinx_u250_gen3x16_xdma_4-0.",
            scheduling.Cause.ROOM,
            ("xilinx.com/fpga-xilinx_u250_gen3x16_xdma_4-0",),
        ),
        (
            "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, 2 node(s) had"
            " untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: 0/3 nodes"
            " are available: 3 Preemption is not helpful for scheduling..",
            scheduling.Cause.TAINT,
            (),
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint(s). no new claims to"
            " deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for"
            " scheduling.",
            scheduling.Cause.TAINT,
            (),
        ),
        (
            "0/3 nodes are available: 1 node(s) had volume node affinity conflict, 2 node(s)"
            " didn't match Pod's node affinity/selector.",
            scheduling.Cause.VOLUME,
            (),
        ),
        (
            '0/1 nodes are available: persistentvolumeclaim "data" not found. not found',
            scheduling.Cause.VOLUME,
            (),
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            scheduling.Cause.VOLUME,
            (),
        ),
        (
            "0/2 nodes are available: 1 node(s) had no available volume zone, 1 Insufficient cpu.",
            scheduling.Cause.VOLUME,
            ("cpu",),
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.",
            scheduling.Cause.VOLUME,
            (),
        ),
        (
            "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s)"
            " were unschedulable.",
            scheduling.Cause.PODS,
            (),
        ),
        (
            "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's"
            " node affinity/selector.",
            scheduling.Cause.AFFINITY,
            (),
        ),
        (
            "0/1 nodes are available: 1 node(s) were unschedulable.",
            scheduling.Cause.CORDON,
            (),
        ),
        (
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod"
            " ports.",
            scheduling.Cause.OTHER,
            (),
        ),
        (GATHERS, scheduling.Cause.PEERS, ()),
        ("no nodes available to schedule pods", scheduling.Cause.OTHER, ()),
        ("", scheduling.Cause.OTHER, ()),
    ],
)
def test_the_last_filter_that_stopped_a_node_is_the_cause(
    message: str, cause: scheduling.Cause, lacking: tuple[str, ...]
) -> None:
    found = scheduling.read(message)

    assert (found.cause, found.lacking) == (cause, lacking)
    assert "preemption" not in found.text


def test_who_holds_the_devices_is_told() -> None:
    nodes = [places.node(f"gpu-{each}", {GPU: 2}) for each in range(2)]
    seen = waiting(
        NO_GPU,
        places.gpu("l4"),
        *nodes,
        asked={"class": "l4"},
        holders=[("a", "gpu-0", 2), ("b", "gpu-1", 2)],
    )

    found = told(seen)

    assert (found.status, found.reason) == ("False", "InsufficientNow")
    assert found.message == (
        "4 of 4 nvidia.com/gpu of class l4 are in use: team/a has 2, team/b has 2 (the scheduler:"
        " 0/1 nodes are available: 1 Insufficient nvidia.com/gpu); wait until they are free, ask"
        " for fewer in a new job, or add a node"
    )


def test_devices_that_lie_apart_are_told() -> None:
    nodes = [places.node(f"gpu-{each}", {GPU: 2}) for each in range(2)]
    seen = waiting(
        NO_GPU,
        places.gpu("l4"),
        *nodes,
        asked={"class": "l4", "count": 2},
        holders=[("a", "gpu-0", 1), ("b", "gpu-1", 1)],
    )

    assert told(seen).message.startswith(
        "2 of 4 nvidia.com/gpu of class l4 are in use by TrainingJobs: team/a has 1, team/b has 1;"
        " no node has 2 of the rest free (the scheduler:"
    )


def test_devices_that_would_do_for_a_part_of_a_gang_are_told() -> None:
    nodes = [places.node(f"gpu-{each}", {GPU: 1}) for each in range(3)]
    holders = [("a", "gpu-0", 1), ("a", "gpu-1", 1)]
    seen = waiting(
        NO_GPU, places.gpu("l4"), *nodes, asked={"class": "l4"}, holders=holders, replicas=2
    )
    peer = builders.pod().index(1).unschedulable(GATHERS).view()
    workload = builders.job().active().replicas(2).view()

    found = told(dataclasses.replace(seen, workload=workload, pods=(*seen.pods, peer)))

    assert (
        "2 of 3 nvidia.com/gpu of class l4 are in use by TrainingJobs: team/a has 2; the rest does"
        " for a part of the job's pods alone (the scheduler: 0/1 nodes are available:"
    ) in found.message


def test_many_holders_are_summed() -> None:
    seen = waiting(
        NO_GPU,
        places.gpu("l4"),
        places.node("gpu", {GPU: 8}),
        asked={"class": "l4"},
        holders=[(f"j{each}", "gpu", 1) for each in range(8)],
    )

    assert "team/j4 has 1, 3 more have 3 (the scheduler" in told(seen).message


def test_cores_that_others_have_are_told() -> None:
    message = "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory."

    found = told(waiting(message, places.node("a", cpu="8"), resources={"cpu": "4"}))

    assert (found.status, found.reason) == ("False", "InsufficientNow")
    assert found.message.startswith("1 node would do, but none has enough cpu and memory free now")
    assert found.message.endswith(
        "; wait until other pods have ended, lower resources in a new job, or add a node"
    )


def test_more_cores_than_any_node_has_is_no_matter_of_now() -> None:
    message = "0/1 nodes are available: 1 Insufficient cpu."

    found = told(waiting(message, places.node("a", cpu="8"), resources={"cpu": "9"}))

    assert (found.status, found.reason) == ("False", "NoNodeFits")
    assert "the largest has 8 cores and 32 GiB, the job asks 9" in found.message


def test_what_is_known_of_no_node_is_told_by_the_scheduler_alone() -> None:
    found = told(waiting("0/1 nodes are available: 1 Insufficient cpu."))

    assert found.reason == "InsufficientNow"
    assert found.message.startswith("nodes would do, but none has enough cpu free now")


@pytest.mark.parametrize(
    ("message", "node", "asked", "reason", "words"),
    [
        (
            TAINT,
            places.node("a", {GPU: 1}, taints=[places.taint("team", "a")]),
            {"class": "l4"},
            "Tainted",
            "1 node of class l4 would do, but is tainted team=a:NoSchedule (the scheduler: 0/1"
            " nodes are available: 1 node(s) had untolerated taint(s)); create the job anew with"
            " pod.tolerations for it, or have the class tolerate it",
        ),
        (
            MISMATCH,
            places.node("a", labels_={"kubernetes.io/arch": "arm64"}),
            None,
            "AffinityMismatch",
            "1 node would do, but none is what pod.nodeSelector",
        ),
        (
            MISMATCH,
            places.node("a"),
            None,
            "AffinityMismatch",
            "no node is what pod.nodeSelector",
        ),
        (
            TAINT,
            places.node("a", ready=False),
            None,
            "NodesUnavailable",
            "1 node would do, but takes no pod now: not ready",
        ),
        (
            "0/1 nodes are available: 1 node(s) were unschedulable.",
            places.node("a", unschedulable=True),
            None,
            "NodesUnavailable",
            "cordoned",
        ),
        (
            "0/1 nodes are available: 1 node(s) had volume node affinity conflict.",
            places.node("a"),
            None,
            "VolumeUnavailable",
            "in which zone",
        ),
        (
            "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.",
            places.node("a"),
            None,
            "AffinityMismatch",
            "where other pods are",
        ),
        (
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports",
            places.node("a"),
            None,
            "Unschedulable",
            "no node takes the pod",
        ),
    ],
)
def test_each_cause_has_a_reason_of_its_own(
    message: str, node: Any, asked: Any, reason: str, words: str
) -> None:
    found = told(waiting(message, places.gpu("l4"), node, asked=asked))

    assert (found.status, found.reason, words in found.message) == ("False", reason, True), found
    assert "; " in found.message


def test_a_tainted_node_of_the_class_counts_before_others_that_lack_its_labels() -> None:
    # Of three hundred nodes without a GPU the scheduler says that they do not match.
    message = (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's"
        " node affinity/selector."
    )
    mine = places.node("gpu", {GPU: 1}, labels_=places.L4, taints=[places.taint("team", "a")])
    class_ = places.gpu("l4", node_labels=places.L4)

    found = told(waiting(message, class_, mine, places.node("a"), asked={"class": "l4"}))

    assert found.reason == "Tainted"


def test_a_node_that_goes_while_its_pod_waits_is_told_and_the_job_is_woken_by_the_next() -> None:
    class_ = places.gpu("l4", node_labels=places.L4)
    node = places.node("gpu", {GPU: 1}, labels_=places.L4)
    before = waiting(NO_GPU, class_, node, places.node("a"), asked={"class": "l4"})
    first = passes.decided(before)
    assert first.waits_for_nodes

    after = dataclasses.replace(
        passes.stored(before, first), places=places.of(class_, places.node("a"))
    )

    found = told(after)
    assert (found.status, found.reason) == ("False", "NoNodeFits")
    assert found.message.startswith("no node is of class l4")


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_taint_under_a_running_job_changes_nothing_of_where_it_is(effect: str) -> None:
    node = places.node("gpu", {GPU: 1})
    seen = waiting("", places.gpu("l4"), node, asked={"class": "l4"})
    running = dataclasses.replace(seen, pods=(builders.pod().on_node("gpu").running().view(),))
    running = passes.stored(running, passes.decided(running))
    tainted = places.node("gpu", {GPU: 1}, taints=[{**places.taint("team", "a"), "effect": effect}])

    after = dataclasses.replace(running, places=places.of(places.gpu("l4"), tainted))

    wanted = passes.decided(after, now=20)
    assert wanted.status is None
    assert not wanted.waits_for_nodes


def test_a_pool_without_a_node_waits_for_its_autoscaler() -> None:
    pool = {"allocatable": 1, "maxNodes": 4}
    class_ = places.gpu("l4", node_labels=places.L4, scaleFromZero=pool)
    seen = waiting(MISMATCH, class_, places.node("a"), asked={"class": "l4"})

    found = told(seen)

    assert (found.status, found.reason) == ("Unknown", "WaitingForAutoscaler")
    assert found.message.startswith(
        "no node that there is can hold the pod, and the pool of class l4 may have up to 4 nodes:"
    )
    refused = observed.Scaling("pod didn't trigger scale-up: 1 max node group size reached")
    again = told(dataclasses.replace(seen, scaling=refused))
    assert again.reason == "WaitingForAutoscaler"
    assert f"(the autoscaler: {refused.words}); wait until" in again.message


def test_a_full_node_of_an_autoscaled_pool_is_busy() -> None:
    class_ = places.gpu("l4", scaleFromZero={"allocatable": 1, "maxNodes": 4})
    seen = waiting(NO_GPU, class_, places.node("a", {GPU: 1}), asked={"class": "l4"})

    assert told(seen).reason == "InsufficientNow"


def test_a_node_that_an_autoscaler_makes_is_waited_for_over_a_restart() -> None:
    words = "pod triggered scale-up: [{ng1 0->1 (max: 4)}]"
    seen = waiting(NO_GPU, places.gpu("l4"), places.node("a", {GPU: 1}), asked={"class": "l4"})
    made = dataclasses.replace(seen, scaling=observed.Scaling(words, makes=True))

    found = told(made)

    assert (found.status, found.reason) == ("Unknown", "WaitingForAutoscaler")
    assert found.message.startswith(f"an autoscaler makes a node: {words}")
    restarted = dataclasses.replace(passes.stored(made, passes.decided(made)), scaling=None)
    assert passes.decided(restarted).status is None
    over = dataclasses.replace(restarted, scaling=observed.Scaling())
    assert told(over).reason == "InsufficientNow"


def test_the_events_of_a_refused_pod_are_asked_for_less_and_less() -> None:
    seen = waiting(NO_GPU, places.gpu("l4"), places.node("a", {GPU: 1}), asked={"class": "l4"})

    early, later, late = (passes.decided(seen, now=now) for now in (3, 102, 1002))

    assert early.inquiry is None
    assert early.requeue_after == pytest.approx(2)
    assert isinstance(later.inquiry, plan.Inquiry)
    assert "TriggeredScaleUp" in later.inquiry.reasons
    assert later.requeue_after == pytest.approx(50)
    assert late.requeue_after == pytest.approx(300)


def test_a_quota_that_lets_no_pod_in_is_told() -> None:
    warning = facts.refused(
        "FailedCreate",
        'FailedCreate: Error creating: pods "gestures-1-0-" is forbidden: exceeded quota: team,'
        " requested: requests.nvidia.com/gpu=2, used: requests.nvidia.com/gpu=7, limited:"
        " requests.nvidia.com/gpu=8; change the job, or what refuses its pods: a quota, a policy",
    )
    seen = builders.observation(
        build=facts.built(), workload=builders.job().active(), warning=warning
    )

    found = told(seen)

    assert (found.status, found.reason) == ("False", "QuotaExceeded")
    assert found.message == (
        "ResourceQuota team of the namespace lets no more in: a pod asks requests.nvidia.com/gpu=2,"
        " requests.nvidia.com/gpu=7 are used of requests.nvidia.com/gpu=8; wait until others of the"
        " namespace have ended, ask for less in a new job, or have the quota raised"
    )
    wanted = passes.decided(seen)
    assert passes.condition(wanted, "Running") == (
        "False",
        "WorkloadCreated",
        "no pod is let in: see Placed",
    )
    assert [each.reason for each in wanted.notices if each.warning] == ["QuotaExceeded"]
    born = dataclasses.replace(
        passes.stored(seen, passes.decided(seen)), pods=(builders.pod().view(),)
    )
    assert told(born, now=11).reason == "WaitingForScheduler"


def test_a_job_that_a_quota_kept_out_until_its_deadline_ends_with_the_quotas_name() -> None:
    said = "FailedCreate: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2"
    seen = builders.observation(
        build=facts.built(),
        workload=builders.job().active(),
        warning=facts.refused("FailedCreate", said),
    )
    seen = passes.stored(seen, passes.decided(seen))

    ended = passes.read(passes.decided(seen, now=1802))

    assert ended.failure is not None
    assert ended.failure.class_ == "Quota"
    assert "last: ResourceQuota team of the namespace lets no more in" in ended.failure.message


def test_what_is_refused_until_the_deadline_ends_the_job_with_its_last_words() -> None:
    class_ = places.gpu(
        "l4", node_labels=places.L4, scaleFromZero={"allocatable": 1, "maxNodes": 1}
    )
    seen = waiting(MISMATCH, class_, places.node("a"), asked={"class": "l4"})
    seen = passes.stored(seen, passes.decided(seen))

    found = passes.read(passes.decided(seen, now=1802)).condition("Failed")

    assert found is not None
    assert found.reason == "StartupDeadlineExceeded"
    assert "last: no node that there is can hold the pod" in found.message


def test_nodes_that_broke_while_the_pod_waits_are_told() -> None:
    broken = places.node("a", {GPU: 1}, labels_={"nvidia.com/gpu.health": "unhealthy"})

    placed = told(waiting(MISMATCH, places.gpu("l4"), broken, asked={"class": "l4"}))

    assert placed.reason == "NodesUnavailable"
    assert "1 node would do but says that it is broken" in placed.message
