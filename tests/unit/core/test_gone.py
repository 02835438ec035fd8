"""What a job says when somebody takes its Job or its pod away."""

from __future__ import annotations

from tests import builders
from tests.builders import training_job
from trainshed.core import decide, observe, observed, policy

SETTINGS = policy.Policy(base_images={"pytorch": builders.BASE})


def running() -> observed.Observation:
    body = training_job().cnn().build()
    body["status"] = {
        "phase": "Running",
        "startTime": builders.at(5),
        "image": {"ref": builders.IMAGE},
        "conditions": [
            {
                "type": "ImageReady",
                "status": "True",
                "reason": "ImageBuilt",
                "message": "built",
                "lastTransitionTime": builders.at(1),
            }
        ],
    }
    return observed.Observation(job=observe.training_job(body, now=builders.T0 + 10))


def test_a_job_whose_workload_is_deleted_while_it_runs_has_failed() -> None:
    plan = decide.decide(running(), now=builders.T0 + 20, settings=SETTINGS)

    assert plan.status is not None
    assert plan.status["phase"] == "Failed"
    assert plan.status["conditions"][-1]["reason"] == "WorkloadGone"
    assert not plan.creates


def test_a_status_of_a_newer_operator_is_left_alone() -> None:
    body = training_job().cnn().build()
    body["status"] = {"phase": "Teleporting"}
    seen = observed.Observation(job=observe.training_job(body, now=builders.T0))

    plan = decide.decide(seen, now=builders.T0, settings=SETTINGS)

    assert plan.status is None
    assert not plan.creates
    (notice,) = plan.notices
    assert (notice.warning, notice.reason) == (True, "StatusUnreadable")
    assert "upgrade the operator" in notice.message
