"""A lost image through whole passes: one rebuild, and the pod that waits is left alone."""

from __future__ import annotations

import pytest

from tests.unit.runtime import benches
from trainshed.runtime import intake

Kind = intake.Kind


def pull(bench: benches.Bench, *, reason: str, message: str) -> None:
    """Let the kubelet say that it can't pull the image of the job's pod."""
    (pod,) = (dict(each) for each in bench.world.objects[Kind.POD].values())
    state = {"waiting": {"reason": reason, "message": message}}
    pod["spec"] = {**pod.get("spec", {}), "nodeName": "node-1"}
    pod["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "trainer", "state": state}],
    }
    bench.world.put(Kind.POD, pod)
    bench.takes_all()


def reason_of(bench: benches.Bench) -> str:
    """Return why the image is ready, or not."""
    found = bench.world.status()["conditions"]
    return next(str(each["reason"]) for each in found if each["type"] == "ImageReady")


@pytest.mark.looptime
async def test_a_lost_image_is_made_once_more_however_often_the_pull_fails() -> None:
    bench = benches.Bench()
    await bench.applied()
    bench.world.moves()[0]()
    bench.takes_all()
    await bench.passes()
    assert (bench.maker.made, reason_of(bench)) == (1, "ImageBuilt")

    for reason in ("ErrImagePull", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff"):
        pull(bench, reason=reason, message="manifest unknown: not found")
        await bench.passes()

    assert (bench.maker.made, reason_of(bench)) == (2, "ImageRebuilt")
    assert len(bench.world.objects[Kind.POD]) == 1
    assert sum(bench.world.children.values()) == 1


@pytest.mark.looptime
async def test_a_pull_without_rights_makes_nothing() -> None:
    bench = benches.Bench()
    await bench.applied()
    bench.world.moves()[0]()
    bench.takes_all()
    await bench.passes()
    pull(bench, reason="ErrImagePull", message="403 Forbidden: not found")
    await bench.passes()

    assert (bench.maker.made, reason_of(bench)) == (1, "ImageBuilt")
