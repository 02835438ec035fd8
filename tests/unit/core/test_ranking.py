"""Which of several classes that can hold a job is taken."""

from __future__ import annotations

from tests import builders, places
from tests.unit.core import wishes
from trainshed.accelerators import usage
from trainshed.core import decide, observed

GPU = "nvidia.com/gpu"


def test_of_several_classes_the_one_with_free_devices_is_taken_then_the_cheapest() -> None:
    dear, cheap = {"hourly": 4.0, "currency": "USD"}, {"hourly": 0.7, "currency": "USD"}
    at = places.of(
        places.gpu("a100", node_labels={"kind": "a100"}, price=dear),
        places.gpu("l4", node_labels={"kind": "l4"}, price=cheap),
        places.node("a", {GPU: 1}, labels_={"kind": "a100"}),
        places.node("b", {GPU: 1}, labels_={"kind": "l4"}),
    )
    busy = usage.Usage(at)
    busy.put("pod", usage.Use(("default", "other"), "b", GPU, 1))
    job = builders.training_job().cnn().spec(accelerator={"type": "gpu"}).view()

    chosen = []
    for used in (usage.Usage(at), busy):
        seen = observed.Observation(job=job, places=at, devices=used)
        wanted = decide.decide(seen, now=builders.T0 + 1, settings=wishes.SETTINGS)
        assert wanted.status is not None
        chosen.append(wanted.status["placement"]["class"])

    assert chosen == ["l4", "a100"]


def test_prices_in_two_currencies_are_not_compared() -> None:
    at = places.of(
        places.gpu("a100", node_labels={"kind": "a100"}, price={"hourly": 4.0, "currency": "USD"}),
        places.gpu("l4", node_labels={"kind": "l4"}, price={"hourly": 0.7, "currency": "EUR"}),
        places.node("a", {GPU: 1}, labels_={"kind": "a100"}),
        places.node("b", {GPU: 1}, labels_={"kind": "l4"}),
    )

    found, _ = wishes.decided({"type": "gpu"}, at)

    assert found.placement is not None
    assert found.placement.class_ == "a100"
