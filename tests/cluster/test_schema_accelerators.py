"""What the API server says to accelerators and their classes, at apply."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from hack import apiserver
from tests import builders, places
from tests.cluster import asked, conftest

CLASSES = "/apis/trainshed.dev/v1alpha1/acceleratorclasses"


def on(**accelerator: Any) -> builders.TrainingJobBuilder:
    """Return a built-in model on an accelerator."""
    return asked.cnn().spec(accelerator=accelerator)


REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "no device": (on(type="gpu", count=0), "accelerator.count"),
    "more devices than a machine has": (on(type="gpu", count=65), "accelerator.count"),
    "an unknown type": (on(type="tpu"), 'Unsupported value: "tpu"'),
    "a type and a class": (on(type="gpu", **{"class": "l4"}), "a class has its type"),
    "several CPUs": (on(type="cpu", count=2), "ask for cores by resources.cpu"),
    "a fallback to itself": (on(type="gpu", fallback=["gpu"]), "not what is asked first"),
    "a fallback to anything": (on(type="gpu", fallback=["auto"]), "not what is asked first"),
    "a fallback twice": (on(type="gpu", fallback=["cpu", "cpu"]), "each once"),
    "a fallback of the CPU": (on(type="cpu", fallback=["gpu"]), "always to be had"),
    "a fallback of auto": (on(fallback=["cpu"]), "auto takes the CPU by itself"),
    "a class whose name is none": (on(**{"class": "L 4"}), "accelerator.class"),
    "a batch that GPUs can't share": (
        on(type="gpu", count=3),
        "multiple of replicas x processesPerReplica",
    ),
    "GPUs by a variable": (
        asked.variable(name="NVIDIA_VISIBLE_DEVICES", value="all"),
        "ask for GPUs by spec.accelerator",
    ),
}
TAKEN = {
    "any GPU": on(type="gpu"),
    "two of a class": on(count=2, **{"class": "nvidia-l4"}),
    "whatever is there": on(),
    "a fallback": on(type="gpu", count=4, fallback=["nvidia-t4", "fpga", "cpu"]),
    "a fallback of a class": on(fallback=["cpu"], **{"class": "nvidia-l4"}),
    "an FPGA": on(type="fpga", count=3),
    "a CPU": on(type="cpu"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_accelerator_is_refused(namespace: conftest.Namespace, name: str) -> None:
    job, said = REFUSED[name]

    with pytest.raises(apiserver.Refused) as refused:
        namespace.apply(job)

    assert said in refused.value.message


@pytest.mark.parametrize("name", TAKEN)
def test_an_accelerator_is_taken(namespace: conftest.Namespace, name: str) -> None:
    namespace.apply(TAKEN[name])


def named(body: Any, name: str | None = None) -> Any:
    """Return a class without what the API server gives, of a name of its own."""
    return {**body, "metadata": {"name": name or f"test-{uuid.uuid4().hex[:8]}"}}


PRICE = {"hourly": 1.5, "currency": "dollars"}
REFUSED_CLASSES: dict[str, tuple[Any, str]] = {
    "GPUs without a resource": (places.class_("x", "gpu"), "needs either match.resourcePattern"),
    "a CPU with a resource": (
        places.class_("x", "cpu", match={"resourcePattern": "a/b"}),
        "one of type cpu has neither",
    ),
    "a device plugin's and a driver's": (
        places.gpu("x", deviceClassName="gpu.example.com"),
        "needs either match.resourcePattern",
    ),
    "no regular expression": (places.gpu("x", pattern="(["), "resourcePattern"),
    "a price in no currency": (places.gpu("x", price=PRICE), "price.currency"),
    "a peak of nothing": (places.gpu("x", peakTeraflops={"fp32": 0}), "peakTeraflops.fp32"),
    "a pool of no node": (
        places.gpu("x", scaleFromZero={"allocatable": 1, "maxNodes": 0}),
        "scaleFromZero.maxNodes",
    ),
    "a field of no meaning": (places.gpu("x", vendor="nvidia"), "unknown field"),
}


@pytest.mark.parametrize("name", REFUSED_CLASSES)
def test_a_bad_class_is_refused(api: apiserver.ApiServer, name: str) -> None:
    body, said = REFUSED_CLASSES[name]

    with pytest.raises(apiserver.Refused) as refused:
        api.create(CLASSES, named(body))

    assert said in refused.value.message


@pytest.mark.parametrize("name", ["auto", "gpu", "fpga", "nvidia.l4"])
def test_a_class_may_not_be_called_as_a_type(api: apiserver.ApiServer, name: str) -> None:
    with pytest.raises(apiserver.Refused) as refused:
        api.create(CLASSES, named(places.class_("x", "cpu"), name))

    assert "not the name of a type" in refused.value.message


def test_a_class_is_taken_and_shown(api: apiserver.ApiServer) -> None:
    body = named(
        places.gpu(
            "x",
            pattern=r"example\.com/(a|b)-[0-9]+",
            price={"hourly": 0.71, "currency": "USD"},
            scaleFromZero={"allocatable": 1, "maxNodes": 4},
            tolerations=[{"key": "gpu", "operator": "Exists"}],
        )
    )
    found = api.create(CLASSES, body)
    try:
        assert found["spec"] == body["spec"]
    finally:
        api.delete(f"{CLASSES}/{body['metadata']['name']}")
