"""All or none: devices that wait in vain for the job's other pods are given back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hack import apiserver
from tests.e2e import conftest, devices, fakes

RESOURCE = "gpu.trainshed.example/whole"
CLASS = "whole-gpu"
NODES = ("trainshed-whole-0", "trainshed-whole-1")


@pytest.fixture(scope="module")
def two_nodes(api: apiserver.ApiServer) -> Iterator[str]:
    """Have two nodes of eight devices each, and their class."""
    with (
        fakes.nodes(api, *NODES, devices={RESOURCE: 8}),
        devices.class_(api, CLASS, RESOURCE, tolerations=fakes.TOLERATIONS),
    ):
        yield CLASS


def on_node(status: conftest.Body) -> bool:
    """Tell whether a job is placed."""
    return bool((status.get("placement") or {}).get("nodes"))


def test_a_job_that_is_placed_in_part_gives_its_node_back(
    namespace: conftest.Namespace, two_nodes: str
) -> None:
    namespace.apply("before", fakes.held(two_nodes, count=8))
    namespace.until("before", on_node, what="the first job to be placed")
    asked = fakes.held(two_nodes, count=8, replicas=2, startupDeadlineSeconds=15)
    namespace.apply("gang", asked)

    status = namespace.finished("gang")
    namespace.apply("after", fakes.held(two_nodes, count=8))

    failed = conftest.condition(status, "Failed")
    assert failed is not None
    assert failed["reason"] == "GangNotPlaced"
    assert "1 of 2 pods were placed" in failed["message"]
    assert f"Insufficient {RESOURCE}" in failed["message"]
    namespace.until("after", on_node, what="the node that was given back")
