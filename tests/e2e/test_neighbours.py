"""Pods of one job are close, and pods alone fill nodes up: wishes, which the scheduler grants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hack import apiserver
from tests.e2e import conftest, devices, fakes

RESOURCE = "gpu.trainshed.example/packed"
CLASS = "packed-gpu"
NODES = tuple(f"trainshed-packed-{index}" for index in range(6))


@pytest.fixture(scope="module")
def eight_devices_each(api: apiserver.ApiServer) -> Iterator[str]:
    """Have some empty nodes of eight devices each, and their class."""
    with (
        fakes.nodes(api, *NODES, devices={RESOURCE: 8}),
        devices.class_(api, CLASS, RESOURCE, tolerations=fakes.TOLERATIONS),
    ):
        yield CLASS


def placed(namespace: conftest.Namespace, name: str) -> list[str]:
    """Return the nodes of a job once each of its pods has one."""
    status = namespace.until(
        name,
        lambda found: bool((found.get("placement") or {}).get("nodes")),
        what=f"{name} to be placed",
    )
    nodes: list[str] = status["placement"]["nodes"]
    return nodes


def test_jobs_of_one_device_fill_a_node_up_before_they_begin_another(
    namespace: conftest.Namespace, eight_devices_each: str
) -> None:
    names = [f"one-{index}" for index in range(6)]
    for name in names:
        namespace.apply(name, fakes.held(eight_devices_each))

    nodes = [node for name in names for node in placed(namespace, name)]

    assert len(nodes) == 6
    assert len(set(nodes)) == 1, nodes


def test_the_pods_of_one_job_share_a_node_where_they_can(
    namespace: conftest.Namespace, eight_devices_each: str
) -> None:
    # What this one wishes for must not draw the others to where they have no room together.
    namespace.apply("alone", fakes.held(eight_devices_each, count=2))
    placed(namespace, "alone")
    namespace.apply("gang", fakes.held(eight_devices_each, replicas=4, count=2))

    assert len(placed(namespace, "gang")) == 1
