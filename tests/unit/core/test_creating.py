"""The child Job's creation, and what stands in its way."""

import dataclasses

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import observed

HELD = observed.NameHolder("gestures-1", predecessor=False)
OLD = observed.NameHolder("gestures-1", predecessor=True)


def blocked(
    holder: observed.NameHolder | None = None, rejection: observed.Refusal | None = None
) -> observed.Observation:
    """Return the observation of a job whose image is there and whose Job can't be made."""
    return builders.observation(build=facts.built(), holder=holder, rejection=rejection)


@pytest.mark.parametrize(
    ("holder", "reason", "advice"),
    [
        (HELD, "NameTaken", "delete it, or choose another name"),
        (OLD, "WaitingForOldWorkload", "delete it to start at once"),
    ],
    ids=["somebody else's Job", "a Job of an earlier TrainingJob"],
)
def test_a_name_that_is_held_is_waited_for_aloud(
    holder: observed.NameHolder, reason: str, advice: str
) -> None:
    wanted = passes.decided(blocked(holder, facts.refused("NameTaken", retry=14)), now=10)

    status, told, message = passes.condition(wanted, "Accepted")
    assert (status, told) == ("False", reason)
    assert "gestures-1" in message
    assert message.endswith(advice)
    assert not wanted.creates
    assert wanted.requeue_after == pytest.approx(4.0)
    assert passes.read(wanted).phase is phases.Phase.PENDING


def test_a_held_name_is_tried_again_when_its_time_has_come() -> None:
    wanted = passes.decided(blocked(HELD, facts.refused("NameTaken", retry=10)), now=10)

    assert wanted.creates


def test_a_name_that_is_held_for_ever_ends_the_job_at_its_deadline() -> None:
    seen = blocked(HELD, facts.refused("NameTaken", retry=1830))

    wanted = passes.decided(seen, now=1800)

    assert passes.condition(wanted, "Failed")[:2] == ("True", "NameTaken")
    assert not wanted.creates
    assert wanted.requeue_after is None


def test_a_restart_of_the_operator_does_not_move_the_wait_for_a_name() -> None:
    seen = blocked(HELD, facts.refused("NameTaken", retry=1830))
    seen = passes.stored(seen, passes.decided(seen, now=10))
    again = dataclasses.replace(seen.job, first_seen=builders.T0 + 1000)

    wanted = passes.decided(dataclasses.replace(seen, job=again), now=1810)

    assert passes.condition(wanted, "Failed")[:2] == ("True", "NameTaken")


def test_a_job_that_a_quota_keeps_out_says_so() -> None:
    said = 'jobs.batch "gestures-1" is forbidden: exceeded quota: jobs, requested: count/jobs=1'
    seen = blocked(None, facts.refused("WorkloadRejected", said, retry=1830))

    failure = passes.read(passes.decided(seen, now=1800)).failure

    assert failure is not None
    assert failure.class_ == "Quota"


def test_the_last_wait_for_a_name_ends_at_the_deadline() -> None:
    seen = blocked(HELD, facts.refused("NameTaken", retry=1830))

    assert passes.decided(seen, now=1790).requeue_after == pytest.approx(10.0)


def test_a_wait_that_goes_on_is_written_once() -> None:
    seen = blocked(HELD, facts.refused("NameTaken", retry=100))
    seen = passes.stored(seen, passes.decided(seen, now=10))

    again = passes.decided(seen, now=20)

    assert again.status is None
    assert again.notices == ()


def test_a_wait_that_has_ended_is_told() -> None:
    seen = blocked(HELD, facts.refused("NameTaken", retry=100))
    seen = passes.stored(seen, passes.decided(seen, now=10))

    wanted = passes.decided(dataclasses.replace(seen, holder=None, rejection=None), now=20)

    assert wanted.creates
    assert passes.condition(wanted, "Accepted")[:2] == ("True", "SpecAccepted")


def test_a_job_that_the_api_server_refuses_for_good_fails() -> None:
    refusal = facts.refused("WorkloadRejected", "the label is no label", terminal=True)

    wanted = passes.decided(blocked(rejection=refusal))

    assert passes.condition(wanted, "Failed")[1:] == ("WorkloadRejected", "the label is no label")
    assert passes.condition(wanted, "Accepted")[:2] == ("False", "WorkloadRejected")
    assert passes.read(wanted).phase is phases.Phase.FAILED
    assert not wanted.creates


def test_a_job_that_quota_refuses_is_tried_again() -> None:
    refusal = facts.refused("WorkloadRejected", "exceeded quota", retry=12)

    early = passes.decided(blocked(rejection=refusal), now=10)

    assert passes.condition(early, "Accepted") == ("False", "WorkloadRejected", "exceeded quota")
    assert early.requeue_after == pytest.approx(2.0)
    assert passes.decided(blocked(rejection=refusal), now=12).creates


def test_the_attempt_is_in_the_status_once_its_job_exists() -> None:
    seen = builders.observation(build=facts.built(), workload=builders.job())

    attempts = passes.read(passes.decided(seen)).attempts

    assert attempts is not None
    assert attempts.current == 1


def test_several_pods_get_a_service_before_their_job() -> None:
    job = builders.training_job().cnn().replicas(2)

    wanted = passes.decided(builders.observation(job, build=facts.built()))

    assert [each["kind"] for each in wanted.creates] == ["Service", "Job"]
    assert {each["metadata"]["name"] for each in wanted.creates} == {"gestures-1"}


def test_one_pod_needs_no_service() -> None:
    wanted = passes.decided(builders.observation(build=facts.built()))

    assert [each["kind"] for each in wanted.creates] == ["Job"]


def test_a_service_that_is_somebody_elses_is_told() -> None:
    holder = observed.NameHolder("gestures-1", predecessor=False, kind="Service")

    wanted = passes.decided(blocked(holder, facts.refused("NameTaken", retry=14)), now=10)

    assert passes.condition(wanted, "Accepted")[2].startswith("Service gestures-1 exists")
