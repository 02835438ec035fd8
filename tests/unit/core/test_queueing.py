"""A job in a queue of Kueue: held, let go, taken back, and what is told of it."""

import dataclasses
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.api import labels, phases
from trainshed.core import decide, observed

FULL = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu"


def seen(
    job: builders.JobBuilder | None = None,
    queue: builders.QueueBuilder | None = None,
    pod: builders.PodBuilder | None = None,
    **more: Any,
) -> observed.Observation:
    """Return the observation of a job in a queue."""
    return builders.observation(
        builders.training_job().cnn().queued(),
        build=facts.built(),
        workload=job or builders.job().queued(),
        pods=[pod] if pod is not None else [],
        queue=queue,
        **more,
    )


def running() -> observed.Observation:
    """Return the observation of one that runs since second 5, its status stored."""
    found = seen(
        builders.job().queued().let_go(since=2),
        builders.queue().admitted(),
        builders.pod().on_node().running(since=5),
    )
    return passes.stored(found, passes.decided(found))


def then(before: observed.Observation, after: observed.Observation) -> observed.Observation:
    """Return an observation with the status of an earlier one."""
    return dataclasses.replace(after, job=before.job)


def test_the_job_of_a_queue_is_made_suspended_with_its_labels() -> None:
    asked = builders.training_job().cnn().queued("team-a", **{labels.QUEUE_PRIORITY: "high"})

    wanted = passes.decided(builders.observation(asked, build=facts.built()))

    (made,) = wanted.creates
    assert made["spec"]["suspend"] is True
    assert made["metadata"]["labels"][labels.QUEUE] == "team-a"
    assert made["metadata"]["labels"][labels.QUEUE_PRIORITY] == "high"


def test_a_job_without_a_queue_is_not_suspended() -> None:
    asked = builders.training_job().cnn().queued("", **{labels.QUEUE_PRIORITY: "high"})

    (made,) = passes.decided(builders.observation(asked, build=facts.built())).creates

    assert "suspend" not in made["spec"]
    assert labels.QUEUE_PRIORITY not in made["metadata"]["labels"]


def test_a_job_of_which_kueue_has_said_nothing_waits_for_it() -> None:
    wanted = passes.decided(seen())

    status, reason, message = passes.condition(wanted, "Admitted")
    assert (status, reason) == ("False", "WaitingForKueue")
    assert "kueue.enabled" in message
    assert passes.read(wanted).phase is phases.Phase.QUEUED


@pytest.mark.parametrize(
    ("reason", "told", "advice"),
    [
        ("Pending", "WaitingForQuota", "others of the queue have ended"),
        ("WaitingForQuota", "WaitingForQuota", "others of the queue have ended"),
        ("ExceedsMaxQuota", "ExceedsMaxQuota", "quota raised"),
        ("NoMatchingFlavor", "NoMatchingFlavor", "another accelerator.class"),
        ("Inadmissible", "Inadmissible", "create what is missing"),
        ("SomethingNew", "SomethingNew", ""),
        ("no reason of ours!", "WaitingForQuota", ""),
    ],
)
def test_a_job_without_quota_says_so_in_kueues_words(reason: str, told: str, advice: str) -> None:
    wanted = passes.decided(seen(queue=builders.queue().pending(FULL, reason=reason)))

    status, found, message = passes.condition(wanted, "Admitted")
    assert (status, found) == ("False", told)
    assert message.startswith(FULL)
    assert advice in message
    assert passes.read(wanted).phase is phases.Phase.QUEUED


def test_quota_that_is_put_aside_names_the_check_that_is_waited_for() -> None:
    queue = builders.queue().reserved()
    queue.condition("Admitted", "False", "UnsatisfiedAdmissionChecks", "checks: budget")

    wanted = passes.decided(seen(queue=queue))

    assert passes.condition(wanted, "Admitted") == (
        "False",
        "QuotaReserved",
        "Quota reserved in ClusterQueue everyone; checks: budget",
    )


def test_no_deadline_of_the_start_runs_while_a_job_waits() -> None:
    held = seen(queue=builders.queue().pending(FULL))

    wanted = passes.decided(held, now=1e6)

    assert passes.read(wanted).phase is phases.Phase.QUEUED
    assert wanted.requeue_after is None
    assert wanted.inquiry is None


def test_the_deadline_of_the_start_begins_when_a_job_is_let_go() -> None:
    let_go = seen(builders.job().queued().let_go(since=5000), builders.queue().admitted())

    assert passes.read(passes.decided(let_go, now=5010)).phase is phases.Phase.STARTING
    late = passes.read(passes.decided(let_go, now=5000 + facts.settings().startup_deadline))
    assert late.phase is phases.Phase.FAILED


def test_a_job_that_is_let_go_runs_its_first_attempt() -> None:
    found = decide.stored_status(running().job)

    assert found.phase is phases.Phase.RUNNING
    assert found.attempts is not None
    assert (found.attempts.current, found.attempts.admitted_at) == (1, builders.at(2))
    assert found.start_time == builders.at(5)


def test_a_job_that_is_taken_back_is_queued_and_says_for_whom() -> None:
    queue = builders.queue().admitted().preempted().pending(FULL, at_=21)
    going = builders.pod().on_node().running(since=5).deleting()
    taken = then(running(), seen(builders.job().queued(), queue, going))

    wanted = passes.decided(taken, now=30)

    status, reason, message = passes.condition(wanted, "Admitted")
    assert (status, reason) == ("False", "Preempted")
    assert "to accommodate a workload" in message
    assert FULL in message
    after = passes.read(wanted)
    assert (after.phase, after.start_time) == (phases.Phase.QUEUED, None)
    assert passes.condition(wanted, "Running")[:2] == ("False", "NotAdmitted")
    assert passes.condition(wanted, "Placed")[:2] == ("False", "NotAdmitted")


def test_a_job_that_is_admitted_again_is_a_new_attempt() -> None:
    queue = builders.queue().admitted().preempted()
    taken = then(running(), seen(builders.job().queued(), queue))
    taken = passes.stored(taken, passes.decided(taken, now=30))
    again = then(
        taken,
        seen(
            builders.job().queued().let_go(since=60),
            builders.queue().admitted(at_=60),
            builders.pod().on_node(since=61).running(since=62),
        ),
    )

    after = passes.read(passes.decided(again, now=70))

    assert after.attempts is not None
    assert (after.attempts.current, after.attempts.admitted_at) == (2, builders.at(60))
    assert (after.phase, after.start_time) == (phases.Phase.RUNNING, builders.at(62))


def test_an_eviction_that_nobody_watched_is_an_attempt_all_the_same() -> None:
    again = then(
        running(),
        seen(
            builders.job().queued().let_go(since=60),
            builders.queue().admitted(at_=60),
            builders.pod().on_node(since=61).waiting(),
        ),
    )

    after = passes.read(passes.decided(again, now=64))

    assert after.attempts is not None
    assert after.attempts.current == 2
    assert (after.phase, after.start_time) == (phases.Phase.STARTING, None)


def test_the_same_observation_gives_the_same_attempt() -> None:
    assert passes.decided(running()).status is None


def test_pods_and_words_of_an_earlier_admission_do_not_count() -> None:
    old = builders.pod().on_node().exited(143, "told to stop").deleting()
    again = then(
        running(), seen(builders.job().queued().let_go(since=60), builders.queue().admitted(), old)
    )

    wanted = passes.decided(again, now=61)

    assert passes.read(wanted).phase is phases.Phase.STARTING


def test_the_end_of_a_pod_of_an_earlier_admission_is_not_that_of_this_one() -> None:
    old = builders.pod().on_node().node_lost().view()
    job = builders.job().queued().let_go(since=60).failed(80)
    again = then(running(), seen(job, builders.queue().admitted(), departed=(old,)))

    wanted = passes.decided(again, now=95)

    failure = passes.read(wanted).failure
    assert failure is not None
    assert failure.class_ == "Unknown"


def test_one_that_a_person_holds_is_suspended_and_says_how_it_goes_on() -> None:
    wanted = passes.decided(seen(queue=builders.queue().deactivated()))

    status, reason, message = passes.condition(wanted, "Admitted")
    assert (status, reason) == ("False", "Deactivated")
    assert f"kubectl patch workload job-{builders.NAME}-1-1a2b3" in message
    assert '{"spec":{"active":true}}' in message
    assert passes.read(wanted).phase is phases.Phase.SUSPENDED


def test_a_job_that_is_held_and_in_no_queue_says_what_to_do() -> None:
    held = builders.observation(build=facts.built(), workload=builders.job().suspended())

    wanted = passes.decided(held, now=1e6)

    status, reason, message = passes.condition(wanted, "Admitted")
    assert (status, reason) == ("False", "Held")
    assert labels.QUEUE in message
    assert passes.read(wanted).phase is phases.Phase.SUSPENDED


def test_a_flavour_of_other_nodes_than_the_class_is_told() -> None:
    where = {"kind": "a100"}
    index = places.of(
        places.node("l4", {"nvidia.com/gpu": 1}, labels_=places.L4),
        places.gpu("nvidia-l4", node_labels=places.L4),
    )
    placement = {"type": "gpu", "class": "nvidia-l4", "resourceName": "nvidia.com/gpu", "count": 1}
    asked = builders.training_job().cnn().queued().status({"placement": placement})
    found = builders.observation(
        asked,
        build=facts.built(),
        workload=builders.job().queued(**where).let_go(),
        queue=builders.queue().admitted(),
        places=index,
    )

    status, reason, message = passes.condition(passes.decided(found), "Placed")

    assert (status, reason) == ("False", "AcceleratorClassContradicted")
    assert "kind=a100" in message
    assert "nvidia-l4" in message


def test_a_flavour_of_some_nodes_of_the_class_is_no_contradiction() -> None:
    index = places.of(
        places.node("l4", {"nvidia.com/gpu": 1}, labels_={**places.L4, "pool": "one"}),
        places.gpu("nvidia-l4", node_labels=places.L4),
    )
    placement = {"type": "gpu", "class": "nvidia-l4", "resourceName": "nvidia.com/gpu", "count": 1}
    found = builders.observation(
        builders.training_job().cnn().queued().status({"placement": placement}),
        build=facts.built(),
        workload=builders.job().queued(pool="one").let_go(),
        queue=builders.queue().admitted(),
        places=index,
    )

    assert passes.read(passes.decided(found)).condition("Placed") is None


def test_a_queued_job_has_its_wait_in_its_timeline() -> None:
    let_go = seen(builders.job().queued().let_go(since=50), builders.queue().admitted(at_=50))

    found = passes.read(passes.decided(let_go, now=51)).timeline

    assert found is not None
    assert found.building is not None
    assert found.queued == pytest.approx(50 - found.building, abs=0.01)


def test_a_part_that_is_placed_after_a_long_wait_is_not_given_back_at_once() -> None:
    placed = builders.pod().on_node(since=5001).waiting().created(5001)
    found = builders.observation(
        builders.training_job().script().replicas(2).queued(),
        build=facts.built(),
        workload=builders.job().replicas(2).queued().let_go(since=5000),
        queue=builders.queue().admitted(at_=5000),
        pods=[placed, builders.pod().index(1).unschedulable().created(5001)],
    )

    after = passes.read(passes.decided(found, now=5010))

    assert after.phase is phases.Phase.STARTING
