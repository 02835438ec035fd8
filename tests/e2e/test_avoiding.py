"""A node that is lost under one job after the other is left out for the next."""

from __future__ import annotations

import contextlib
import datetime

from tests.e2e import conftest, devices, fakes, test_losses, test_waiting
from trainshed.core import offenders

KEY = "team.trainshed.example/broken"


def lost(namespace: conftest.Namespace, class_: str, *names: str) -> None:
    """Have jobs run on avoid-1, and end as nothing may stay there."""
    there = fakes.held(class_)
    there["pod"]["nodeSelector"]["kubernetes.io/hostname"] = "avoid-1"
    for name in names:
        namespace.apply(name, there)
        assert test_waiting.placed(namespace, name)["placement"]["nodes"] == ["avoid-1"]
    test_waiting.taint(namespace.api, "avoid-1", KEY, effect="NoExecute")
    for name in names:
        test_losses.lost(namespace.finished(name), "avoid-1")


def earlier(namespace: conftest.Namespace, name: str) -> None:
    """Have a job ended long before, as both of one moment are one failure of the node."""
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(
        seconds=10 * offenders.TOGETHER
    )
    ended = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = f"{namespace.jobs}/{name}/status"
    namespace.api.request("PATCH", path, {"status": {"completionTime": ended}})


def event(namespace: conftest.Namespace, reason: str, *, seconds: int = 30) -> str:
    """Return what an event of a reason says, once there is one."""
    path = f"/api/v1/namespaces/{namespace.name}/events"
    of_reason = {"fieldSelector": f"reason={reason}", "timeoutSeconds": str(seconds)}
    watched = namespace.api.watch(path, **of_reason)
    with contextlib.closing(watched) as events:
        for body, _ in events:
            return str(body["message"])
    raise TimeoutError(f"waited {seconds} s for an event {reason}")


def test_a_node_that_was_lost_twice_is_left_out_until_the_jobs_are_deleted(
    namespace: conftest.Namespace,
) -> None:
    api = namespace.api
    with (
        test_waiting.pool(api, "avoiding") as (class_, resource),
        fakes.nodes(api, "avoid-2", devices={resource: 1}),
    ):
        with fakes.nodes(api, "avoid-1", devices={resource: 2}):
            lost(namespace, class_, "first", "second")
        earlier(namespace, "first")

        with fakes.nodes(api, "avoid-1", devices={resource: 2}):
            api.wait(
                devices.CLASSES,
                class_,
                lambda body: (body.get("status") or {}).get("nodes") == 2,
                what="the operator to know of both nodes",
                seconds=30,
            )
            namespace.apply("third", fakes.held(class_))
            placement = test_waiting.placed(namespace, "third")["placement"]
            assert (placement["nodes"], placement["avoidedNodes"]) == (["avoid-2"], ["avoid-1"])
            assert "avoid-1 2 times (second, first)" in event(namespace, "NodesAvoided")

            namespace.apply("waits", fakes.held(class_))
            told = namespace.told("waits", "Placed", "InsufficientNow")
            assert "(left out after failures there: avoid-1)" in told

            for name in ("first", "second"):
                api.delete(f"{namespace.jobs}/{name}")
            namespace.apply("fifth", fakes.held(class_))
            placement = test_waiting.placed(namespace, "fifth")["placement"]
            assert placement["nodes"] == ["avoid-1"]
            assert "avoidedNodes" not in placement
