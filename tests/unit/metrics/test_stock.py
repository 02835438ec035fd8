"""What the cluster has of each class, as series."""

from __future__ import annotations

import prometheus_client

from tests import places
from tests.unit.metrics import text
from trainshed.accelerators import classes, nodes, usage
from trainshed.metrics import stock

GPU = "nvidia.com/gpu"


def test_each_class_has_its_nodes_and_devices() -> None:
    at = places.of(
        places.gpu("l4", node_labels={"kind": "l4"}),
        places.gpu("any"),
        places.gpu("broken", pattern="["),
        places.class_("cpu", "cpu"),
        places.class_("driven", "gpu", deviceClassName="gpu.example.com"),
        places.node("a", {GPU: 4}, labels_={"kind": "l4"}),
        places.node("b", {GPU: 2}),
    )
    devices = usage.Usage(at)
    registry = prometheus_client.CollectorRegistry()
    registry.register(stock.ClassCollector(at, devices))
    devices.put("pod", usage.Use(("team", "one"), "a", GPU, 3))

    page = prometheus_client.generate_latest(registry).decode()

    assert text.of(page, "trainshed_accelerator_nodes", "class") == {
        ("any",): 2,
        ("broken",): 0,
        ("cpu",): 2,
        ("driven",): 2,
        ("l4",): 1,
    }
    assert text.of(page, "trainshed_accelerator_allocatable", "class") == {
        ("any",): 6,
        ("broken",): 0,
        ("l4",): 4,
    }
    assert text.of(page, "trainshed_accelerator_in_use", "class") == {
        ("any",): 3,
        ("broken",): 0,
        ("l4",): 3,
    }


def test_series_come_and_go_with_their_class() -> None:
    at = places.of()
    registry = prometheus_client.CollectorRegistry()
    registry.register(stock.ClassCollector(at, usage.Usage(at)))

    def known() -> set[tuple[str, ...]]:
        page = prometheus_client.generate_latest(registry).decode()
        return set(text.of(page, "trainshed_accelerator_nodes", "class"))

    seen = [known()]
    at.put_class(classes.read(places.gpu("l4")))
    at.put_node("a", nodes.shape(places.node("a", {GPU: 1})))
    seen.append(known())
    at.drop_class("l4")
    seen.append(known())

    assert seen == [set(), {("l4",)}, set()]
