"""A job that is stopped or killed goes on where it was, and ends as one that was not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import conftest, volumes

TRAINING = {"epochs": 150, "batchSize": 32, "seed": 3}
NEVER = 86_400
"""Seconds: no checkpoint is due by time."""
TARGET = {"metric": "accuracy", "value": 0.9}


def test_a_stopped_and_killed_job_goes_on_and_ends_with_the_same_loss(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "kept"):
        namespace.apply("straight", kept(1))
        straight = namespace.finished("straight", seconds=300)
        assert straight["phase"] == "Succeeded", straight
        namespace.apply("tuned", tuned("straight"))

        namespace.apply("ended", kept(NEVER))
        namespace.until("ended", begun, what="the first steps", seconds=120)
        stopped = deleted(namespace, "ended")
        again(namespace, "ended", kept(1))
        namespace.until("ended", saved, what="a checkpoint of its own", seconds=120)
        killed = deleted(namespace, "ended", gracePeriodSeconds="0")
        again(namespace, "ended", kept(1))
        resumed = namespace.finished("ended", seconds=300)
        fine = namespace.finished("tuned")

    # In its grace period it has finished the step, and kept it: nothing is lost.
    assert stopped["failure"]["class"] == "Preempted", stopped
    assert stopped["checkpoint"]["lastStep"] > 0
    assert stopped["checkpoint"]["lostSteps"] == 0
    assert killed["checkpoint"]["resumedFromStep"] == stopped["checkpoint"]["lastStep"]
    told, last = killed["progress"]["step"], killed["checkpoint"]["lastStep"]
    assert killed["checkpoint"]["lostSteps"] == max(0, told - last)
    assert resumed["phase"] == "Succeeded", resumed
    assert resumed["checkpoint"]["resumedFromStep"] >= last
    assert resumed["checkpoint"]["lastStep"] == straight["checkpoint"]["lastStep"]
    assert resumed["result"]["loss"] == pytest.approx(straight["result"]["loss"], abs=1e-6)
    # With the weights of a trained model the target is reached at once.
    assert fine["phase"] == "Succeeded", fine
    assert fine["checkpoint"]["resumedFromStep"] == 0
    assert fine["result"]["epochs"] == 1
    assert fine["result"]["accuracy"] >= TARGET["value"]
    assert fine["result"]["timeToTargetSeconds"] > 0


def test_a_full_volume_is_told_of_before_the_training(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "kept", kilobytes=8) as folder:
        (folder / "taken").write_bytes(bytes(8 * 1024))
        namespace.apply("full", kept(1))
        status = namespace.finished("full")
        left = sorted(each.name for each in folder.rglob("*") if each.is_file())

    failed = conftest.condition(status, "Failed")
    assert failed is not None, status
    assert failed["reason"] == "CheckpointVolumeFull"
    assert status["failure"]["class"] == "Data"
    assert "result" not in status
    assert left == ["taken"]


def kept(seconds: int) -> conftest.Body:
    """Return the spec of a run that takes long enough to be ended in its middle."""
    checkpoint = {"volume": {"claimName": "kept"}, "everySeconds": seconds}
    return {**conftest.cnn(**TRAINING), "checkpoint": checkpoint, "resources": {"cpu": "1"}}


def tuned(job: str) -> conftest.Body:
    """Return the spec of a run that begins with another one's weights, and has a target.

    Its steps are too small to reach that by themselves.
    """
    spec = kept(NEVER)
    spec["training"] |= {"optimizer": {"learningRate": 1e-6}, "target": TARGET}
    spec["checkpoint"]["from"] = {"job": job}
    return spec


def begun(status: dict[str, Any]) -> bool:
    return (status.get("progress") or {}).get("step", 0) > 0


def saved(status: dict[str, Any]) -> bool:
    found = status.get("checkpoint") or {}
    return found.get("lastStep", 0) > found.get("resumedFromStep", 0)


def deleted(namespace: conftest.Namespace, job: str, **asked: str) -> conftest.Body:
    """Delete the pod of a job; return the status that it ends with."""
    chosen = {"labelSelector": f"trainshed.dev/job={job}"}
    (pod,) = namespace.api.get(namespace.pods, **chosen)["items"]
    namespace.api.delete(f"{namespace.pods}/{pod['metadata']['name']}", **asked)
    status = namespace.finished(job)
    assert status["phase"] == "Failed"
    return status


def again(namespace: conftest.Namespace, job: str, spec: conftest.Body) -> None:
    """Create a job anew under its name."""
    namespace.api.delete(f"{namespace.jobs}/{job}", propagationPolicy="Foreground")
    namespace.api.wait_gone(namespace.jobs, job, what=f"the old {job} to go", seconds=60)
    namespace.apply(job, spec)
