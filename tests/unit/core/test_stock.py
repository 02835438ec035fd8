"""What a class says of itself: its nodes, its devices, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests import places
from trainshed.accelerators import usage
from trainshed.api import accelerator_class
from trainshed.core import stock

L4 = {"kind": "l4"}
GPU = {"nvidia.com/gpu": 4}
EMPTY = accelerator_class.AcceleratorClassStatus()
T0 = 1_700_000_000.0


def decided(
    *bodies: places.Body,
    name: str = "l4",
    before: accelerator_class.AcceleratorClassStatus = EMPTY,
    uses: tuple[usage.Use, ...] = (),
    now: float = T0,
) -> accelerator_class.AcceleratorClassStatus:
    at = places.of(*bodies)
    devices = usage.Usage(at)
    for number, use in enumerate(uses):
        devices.put(f"pod-{number}", use)
    class_ = at.known()[name]
    return stock.decide(class_, places=at, devices=devices, before=before, now=now)


def condition(
    found: accelerator_class.AcceleratorClassStatus, type_: str = "Ready"
) -> tuple[str, str, str] | None:
    told = next((each for each in found.conditions if each.type == type_), None)
    return (told.status, told.reason, told.message) if told is not None else None


def test_nodes_devices_and_those_in_use_are_counted() -> None:
    found = decided(
        places.gpu("l4", node_labels=L4),
        places.node("a", GPU, labels_=L4),
        places.node("b", GPU, labels_=L4),
        places.node("c", GPU),
        uses=(usage.Use(("team", "one"), "a", "nvidia.com/gpu", 3),),
    )

    assert (found.nodes, found.allocatable, found.in_use) == (2, 8, 3)
    assert condition(found) == ("True", "NodesReady", "2 nodes ready")


def test_a_cpu_has_nodes_and_no_devices() -> None:
    found = decided(places.class_("cpu", "cpu"), places.node("a", GPU), name="cpu")

    assert found.dump().keys() == {"nodes", "conditions"}
    assert found.nodes == 1


def test_devices_that_a_driver_allocates_are_not_shown_as_none() -> None:
    match = {"nodeLabels": L4}
    driven = places.class_("l4", "gpu", deviceClassName="gpu.example.com", match=match)

    found = decided(driven, places.node("a", labels_=L4))

    assert found.dump().keys() == {"nodes", "conditions"}
    assert condition(found) == ("True", "NodesReady", "1 node ready")


SICK: dict[str, Any] = {"labels_": L4, "ready": False}


@pytest.mark.parametrize(
    ("bodies", "spec", "told"),
    [
        (
            [],
            {"node_labels": L4},
            ("False", "NoNodes", "no node has its labels: add one, or give scaleFromZero, or"),
        ),
        (
            [places.node("a")],
            {},
            ("False", "NoNodes", r"no node has a resource that matches nvidia\.com/gpu: add"),
        ),
        (
            [],
            {"node_labels": L4, "scaleFromZero": {"allocatable": 1, "maxNodes": 4}},
            ("False", "NoNodes", "no node of it is there now; an autoscaler makes up to 4 when"),
        ),
        (
            [places.node("a", labels_=L4), places.node("b", {"amd.com/gpu": 1}, labels_=L4)],
            {"node_labels": L4},
            ("False", "DevicesMissing", "2 nodes have its labels and no resource that matches"),
        ),
        (
            [places.node("a", GPU, **SICK), places.node("b", GPU, labels_=L4, unschedulable=True)],
            {"node_labels": L4},
            (
                "False",
                "NodesUnhealthy",
                "no node of it takes a pod now: 1 cordoned, 1 not ready; kubectl describe",
            ),
        ),
        (
            [
                places.node("a", GPU, **SICK),
                places.node("b", GPU, labels_=L4),
                places.node("c", labels_=L4),
            ],
            {"node_labels": L4},
            (
                "True",
                "NodesReady",
                "1 node ready; 1 node not: 1 not ready; 1 node with its labels and none of its",
            ),
        ),
        (
            [places.node("a", {"nvidia.com/gpu": 0}, capacity=GPU)],
            {},
            (
                "False",
                "NodesUnhealthy",
                "no node of it takes a pod now: 1 without nvidia.com/gpu to give; kubectl describe",
            ),
        ),
        (
            [places.node("a", GPU)],
            {"pattern": "["},
            ("False", "ClassInvalid", "match.resourcePattern '[' is no regular expression"),
        ),
    ],
    ids=[
        "no node with its labels",
        "no node with its devices",
        "an empty pool of an autoscaler",
        "labels without devices",
        "all sick",
        "some sick",
        "a plugin that starts again",
        "no regular expression",
    ],
)
def test_what_is_wrong_is_told(
    bodies: list[places.Body], spec: dict[str, Any], told: tuple[str, str, str]
) -> None:
    found = condition(decided(places.gpu("l4", **spec), *bodies))

    assert found is not None
    assert found[:2] == told[:2]
    assert found[2].startswith(told[2])


def test_a_spec_that_can_not_be_read_is_told_too() -> None:
    found = decided(places.class_("l4", "gpu", watts="many"))

    assert condition(found) == (
        "False",
        "ClassInvalid",
        "spec.watts: Input should be a valid number, unable to parse string as a number: mend the"
        " class; no job can have it now",
    )
    assert found.dump().keys() == {"nodes", "conditions"}


def priced(name: str, currency: str) -> places.Body:
    return places.gpu(name, price={"hourly": 1.0, "currency": currency})


def test_prices_in_two_currencies_are_told_of_each_that_has_one() -> None:
    bodies = (priced("l4", "USD"), priced("t4", "EUR"), priced("a100", "EUR"), places.gpu("free"))

    told = condition(decided(*bodies), "PriceComparable")

    assert told == (
        "False",
        "PriceCurrencyMixed",
        "prices are in EUR of a100, t4 and in USD of l4: no class is taken for the cheapest; give"
        " all in one currency",
    )
    assert condition(decided(*bodies, name="free"), "PriceComparable") is None


def test_a_class_that_can_not_be_used_has_no_say_in_currencies() -> None:
    broken = places.gpu("t4", pattern="[", price={"hourly": 1.0, "currency": "EUR"})

    told = condition(decided(priced("l4", "USD"), broken), "PriceComparable")

    assert told is not None
    assert told[:2] == ("True", "OneCurrency")


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    class_, node = places.gpu("l4", node_labels=L4), places.node("a", GPU, labels_=L4)
    first = decided(class_)
    still = decided(class_, places.node("a", labels_=L4), before=first, now=T0 + 60)
    then = decided(class_, node, before=still, now=T0 + 120)

    times = [each.conditions[0].last_transition_time for each in (first, still, then)]
    assert times == ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z", "2023-11-14T22:15:20Z"]
