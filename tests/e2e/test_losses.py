"""What a running job depends on goes: its node, the right to stay there, its class."""

from __future__ import annotations

from tests.e2e import conftest, devices, fakes
from tests.e2e.test_waiting import placed, pool, taint

KEY = "team.trainshed.example/evacuated"
GONE_SECONDS = 180
"""The collector of pods without a node looks each 20 seconds, and waits 40 for it to come back."""


def running(namespace: conftest.Namespace, name: str, class_: str) -> None:
    """Have a job hold a device of a class."""
    namespace.apply(name, fakes.held(class_))
    placed(namespace, name)
    namespace.until(name, lambda found: found.get("phase") == "Running", what=f"{name} to run")


def lost(status: conftest.Body, node: str) -> str:
    """Return what a job says that lost its node."""
    assert status["phase"] == "Failed", status
    failure = status["failure"]
    assert (failure["class"], failure["node"]) == ("NodeLost", node)
    assert "its node went away while it ran" in failure["advice"]
    told = conftest.condition(status, "Failed")
    assert told is not None
    assert told["reason"] == "NodeLost"
    return str(told["message"])


def test_a_node_that_goes_under_a_running_job_is_told(namespace: conftest.Namespace) -> None:
    api = namespace.api
    with (
        pool(api, "losses-gone") as (class_, resource),
        fakes.nodes(api, "losses-gone", devices={resource: 1}),
    ):
        running(namespace, "gone", class_)

        api.delete(f"{fakes.NODES}/losses-gone")

        status = namespace.finished("gone", seconds=GONE_SECONDS)
        assert "node no longer exists" in lost(status, "losses-gone")


def test_a_taint_that_lets_nothing_stay_ends_a_running_job_and_one_that_lets_nothing_come_does_not(
    namespace: conftest.Namespace,
) -> None:
    api = namespace.api
    with (
        pool(api, "losses-tainted") as (class_, resource),
        fakes.nodes(api, "losses-tainted", devices={resource: 1}),
    ):
        running(namespace, "tainted", class_)

        taint(api, "losses-tainted", KEY)
        namespace.apply("comes", fakes.held(class_))
        assert f"tainted {KEY}=yes:NoSchedule" in namespace.told("comes", "Placed", "NoNodeFits")
        assert placed(namespace, "tainted")["phase"] == "Running"

        taint(api, "losses-tainted", KEY, effect="NoExecute")
        status = namespace.finished("tainted")
        assert "NoExecute taint" in lost(status, "losses-tainted")


def test_a_class_that_goes_before_the_pods_is_told_and_one_that_goes_later_is_not_missed(
    namespace: conftest.Namespace,
) -> None:
    api, resource = namespace.api, "gpu.trainshed.example/losses-class"
    with fakes.nodes(api, "losses-class", devices={resource: 2}):
        with devices.class_(api, "losses-class", resource, tolerations=fakes.TOLERATIONS):
            running(namespace, "later", "losses-class")
            source = {"configMap": {"name": "none-such"}}
            accelerator = {"class": "losses-class"}
            spec = {"framework": "pytorch", "source": source, "accelerator": accelerator}
            namespace.apply("before", spec)
            namespace.told("before", "ImageReady", "SourceNotFound")

        told = namespace.told("before", "Placed", "AcceleratorClassNotFound")
        assert "losses-class was chosen, and is gone" in told
        assert namespace.api.get(f"{namespace.jobs}/later")["status"]["phase"] == "Running"
