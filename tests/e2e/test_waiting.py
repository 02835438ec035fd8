"""Why a pod waits for a node, on the real scheduler: each cause with a reason of its own."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from hack import apiserver
from tests.e2e import conftest, devices, fakes

PLAIN: conftest.Body = {
    "framework": "custom",
    "image": {"ref": "registry.example/none:1"},
    "command": ["true"],
}
RESOURCE = "gpu.trainshed.example/{}"
KEY = "team.trainshed.example/reserved"


@contextlib.contextmanager
def pool(api: apiserver.ApiServer, name: str, **spec: Any) -> Iterator[tuple[str, str]]:
    """Have a class of devices that no other test uses; yield its name and the resource."""
    resource = RESOURCE.format(name)
    with devices.class_(api, name, resource, tolerations=fakes.TOLERATIONS, **spec):
        yield name, resource


def placed(namespace: conftest.Namespace, name: str) -> conftest.Body:
    """Return the status of a job once its pod has a node."""

    def has(status: conftest.Body) -> bool:
        found = conftest.condition(status, "Placed")
        return found is not None and found["status"] == "True"

    return namespace.until(name, has, what=f"{name} to have a node", seconds=60)


def taint(api: apiserver.ApiServer, node: str, key: str, *, effect: str = "NoSchedule") -> None:
    """Taint a node, beside its own taints."""
    known: list[Any] = api.get(f"{fakes.NODES}/{node}")["spec"].get("taints") or []
    taints = [*known, {"key": key, "value": "yes", "effect": effect}]
    api.request("PATCH", f"{fakes.NODES}/{node}", {"spec": {"taints": taints}})


def event(namespace: conftest.Namespace, job: str, reason: str, message: str) -> None:
    """Tell of the pod of a job what an autoscaler would."""
    (pod,) = namespace.api.get(namespace.pods, labelSelector=f"trainshed.dev/job={job}")["items"]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = pod["metadata"]
    namespace.api.create(
        f"/api/v1/namespaces/{namespace.name}/events",
        {
            "metadata": {"generateName": "scaling-"},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "namespace": namespace.name,
                "name": meta["name"],
                "uid": meta["uid"],
            },
            "type": "Normal",
            "reason": reason,
            "message": message,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": "cluster-autoscaler"},
        },
    )


def test_who_has_the_devices_is_told_and_then_a_taint_and_then_that_the_node_is_gone(
    namespace: conftest.Namespace,
) -> None:
    api = namespace.api
    with (
        pool(api, "waiting-busy") as (class_, resource),
        fakes.nodes(api, "waiting-busy", devices={resource: 2}),
    ):
        namespace.apply("holds", fakes.held(class_, count=2))
        assert placed(namespace, "holds")["placement"]["nodes"] == ["waiting-busy"]
        namespace.apply("waits", fakes.held(class_))

        told = namespace.told("waits", "Placed", "InsufficientNow")
        assert told.startswith(
            f"2 of 2 {resource} of class {class_} are in use: {namespace.name}/holds has 2"
        )
        assert f"Insufficient {resource}" in told

        taint(api, "waiting-busy", KEY)
        told = namespace.told("waits", "Placed", "Tainted")
        assert f"is tainted {KEY}=yes:NoSchedule" in told
        # The one that runs there is not moved by it.
        running = conftest.condition(placed(namespace, "holds"), "Placed")
        assert running is not None
        assert running["message"] == "on node waiting-busy"

        api.delete(f"{fakes.NODES}/waiting-busy")
        told = namespace.told("waits", "Placed", "NoNodeFits")
        assert told.startswith(f"no node is of class {class_}")


def test_an_autoscaled_pool_without_a_node_is_waited_for_until_one_comes(
    namespace: conftest.Namespace,
) -> None:
    api = namespace.api
    with pool(api, "waiting-pool", scaleFromZero={"allocatable": 1, "maxNodes": 3}) as (
        class_,
        resource,
    ):
        namespace.apply("first", fakes.held(class_))

        told = namespace.told("first", "Placed", "WaitingForAutoscaler")
        assert "may have up to 3 nodes" in told
        found = conftest.condition(namespace.until("first", bool, what="a status"), "Placed")
        assert found is not None
        assert found["status"] == "Unknown"

        with fakes.nodes(api, "waiting-pool", devices={resource: 1}):
            assert placed(namespace, "first")["placement"]["nodes"] == ["waiting-pool"]
            namespace.apply("second", fakes.held(class_))
            namespace.told("second", "Placed", "InsufficientNow")
            words = "pod triggered scale-up: [{waiting-pool 1->2 (max: 3)}]"
            event(namespace, "second", "TriggeredScaleUp", words)
            told = namespace.told("second", "Placed", "WaitingForAutoscaler")
            assert told.startswith(f"an autoscaler makes a node: {words}")


@pytest.mark.parametrize("words", ["pod didn't trigger scale-up: 1 max node group size reached"])
def test_why_an_autoscaler_makes_no_node_is_told(namespace: conftest.Namespace, words: str) -> None:
    with pool(
        namespace.api, "waiting-refused", scaleFromZero={"allocatable": 1, "maxNodes": 1}
    ) as (class_, _):
        namespace.apply("refused", fakes.held(class_))
        namespace.told("refused", "Placed", "WaitingForAutoscaler")
        event(namespace, "refused", "NotTriggerScaleUp", words)

        def has(status: conftest.Body) -> bool:
            found = conftest.condition(status, "Placed")
            return found is not None and f"(the autoscaler: {words})" in found["message"]

        namespace.until("refused", has, what="the autoscaler's words")


def test_a_volume_and_a_quota_and_a_label_are_told_apart(namespace: conftest.Namespace) -> None:
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "none-such"}}
    namespace.apply("volume", {**PLAIN, "pod": {"volumes": [claim]}})
    label = {"pod": {"nodeSelector": {"disk": "none-such"}}}
    namespace.apply("label", {**PLAIN, **label})
    assert 'persistentvolumeclaim "none-such" not found' in namespace.told(
        "volume", "Placed", "VolumeUnavailable"
    )
    assert "pod.nodeSelector" in namespace.told("label", "Placed", "AffinityMismatch")
    namespace.api.create(
        f"/api/v1/namespaces/{namespace.name}/resourcequotas",
        {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "2"}}},
    )
    namespace.api.wait(
        f"/api/v1/namespaces/{namespace.name}/resourcequotas",
        "small",
        lambda body: (body.get("status") or {}).get("used", {}).get("pods") == "2",
        what="the quota to count the pods",
        seconds=30,
    )

    namespace.apply("quota", PLAIN)

    told = namespace.told("quota", "Placed", "QuotaExceeded")
    assert told.startswith(
        "ResourceQuota small of the namespace lets no more in: a pod asks pods=1"
    )
    assert namespace.told("quota", "Running", "WorkloadCreated") == "no pod is let in: see Placed"
