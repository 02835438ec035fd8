"""A job that is killed goes on where it was, and ends as one that was not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import conftest, volumes

KEPT = {"volume": {"claimName": "kept"}, "everySeconds": 1}
TRAINING = {"epochs": 150, "batchSize": 32, "seed": 3}


def spec() -> conftest.Body:
    """Return the spec of a run that takes long enough to be killed in its middle."""
    return {**conftest.cnn(**TRAINING), "checkpoint": KEPT, "resources": {"cpu": "1"}}


def test_a_killed_job_goes_on_and_ends_with_the_same_loss(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "kept"):
        namespace.apply("straight", spec())
        straight = namespace.finished("straight", seconds=300)
        assert straight["phase"] == "Succeeded", straight

        namespace.apply("killed", spec())
        namespace.until("killed", saved, what="a checkpoint", seconds=120)
        (pod,) = pods(namespace, "killed")
        namespace.api.delete(f"{namespace.pods}/{pod['metadata']['name']}", gracePeriodSeconds="0")
        assert namespace.finished("killed")["phase"] == "Failed"
        namespace.api.delete(f"{namespace.jobs}/killed", propagationPolicy="Foreground")
        namespace.api.wait_gone(namespace.jobs, "killed", what="the killed job", seconds=60)
        namespace.apply("killed", spec())
        resumed = namespace.finished("killed", seconds=300)

    assert resumed["phase"] == "Succeeded", resumed
    assert resumed["checkpoint"]["resumedFromStep"] > 0
    assert resumed["checkpoint"]["lastStep"] == straight["checkpoint"]["lastStep"]
    assert resumed["result"]["loss"] == pytest.approx(straight["result"]["loss"], abs=1e-6)


def saved(status: dict[str, Any]) -> bool:
    return (status.get("checkpoint") or {}).get("lastStep", 0) > 0


def pods(namespace: conftest.Namespace, job: str) -> list[conftest.Body]:
    """Return the pods of a job."""
    chosen = {"labelSelector": f"trainshed.dev/job={job}"}
    found: list[conftest.Body] = namespace.api.get(namespace.pods, **chosen)["items"]
    return found
