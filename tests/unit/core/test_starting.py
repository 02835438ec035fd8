"""A container that starts, or does not, and for how long that is borne."""

import dataclasses
from collections.abc import Callable

import pytest

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import phases
from trainshed.core import observed, plan

WARNING = facts.refused("FailedMount", "FailedMount: secret x not found")


def seen(
    pod: builders.PodBuilder | None, warning: observed.Refusal | None = None
) -> observed.Observation:
    """Return the observation of a job with this pod."""
    pods, job = [pod] if pod is not None else [], builders.job().active()
    return builders.observation(build=facts.built(), workload=job, pods=pods, warning=warning)


def on_node() -> builders.PodBuilder:
    """Begin a pod that has a node since second 2."""
    return builders.pod().on_node()


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cant_be_pulled_is_told(reason: str) -> None:
    wanted = passes.decided(seen(on_node().pull_failed(reason, "no such manifest")))

    assert passes.condition(wanted, "Running") == (
        "False",
        "ImagePullFailed",
        "no such manifest; check the image's name and pullSecrets",
    )
    assert passes.read(wanted).phase is phases.Phase.STARTING
    assert (True, "ImagePullFailed") in [(each.warning, each.reason) for each in wanted.notices]


def test_a_pull_that_is_tried_again_keeps_its_first_answer() -> None:
    before = seen(on_node().pull_failed("ErrImagePull", "no such manifest"))
    before = passes.stored(before, passes.decided(before))
    waiting = on_node().pull_failed("ImagePullBackOff", "Back-off pulling image").view()

    again = passes.decided(dataclasses.replace(before, pods=(waiting,)))

    assert again.status is None


def test_a_container_that_lacks_its_secret_is_told() -> None:
    pod = on_node().waiting("CreateContainerConfigError", 'secret "key" not found')

    status, reason, message = passes.condition(passes.decided(seen(pod)), "Running")

    assert (status, reason) == ("False", "ContainerConfigInvalid")
    assert message.startswith('secret "key" not found; create what is missing')


def test_a_container_that_is_being_made_is_no_warning() -> None:
    wanted = passes.decided(seen(on_node().waiting()), now=3)

    assert passes.condition(wanted, "Running")[:2] == ("False", "ContainerStarting")
    assert not any(each.warning for each in wanted.notices)


def test_the_clusters_own_warning_explains_a_silent_start() -> None:
    wanted = passes.decided(seen(on_node().waiting(), warning=WARNING))

    assert passes.condition(wanted, "Running") == (
        "False",
        "FailedMount",
        "FailedMount: secret x not found",
    )


def test_a_job_whose_pods_are_refused_says_so() -> None:
    warning = facts.refused("FailedCreate", "FailedCreate: denied by the policy of images")

    wanted = passes.decided(seen(None, warning=warning))

    assert passes.condition(wanted, "Running") == (
        "False",
        "PodRejected",
        "FailedCreate: denied by the policy of images",
    )


def test_a_pod_that_came_after_all_takes_the_refusal_back() -> None:
    before = seen(None, warning=facts.refused("FailedCreate", "denied by a policy"))
    before = passes.stored(before, passes.decided(before))

    wanted = passes.decided(dataclasses.replace(before, pods=(builders.pod().view(),)))

    assert passes.condition(wanted, "Running")[:2] == ("False", "WorkloadCreated")


def test_a_container_that_runs_is_running() -> None:
    wanted = passes.decided(seen(on_node().running(since=3)))

    assert passes.condition(wanted, "Running") == ("True", "Training", "on node node-1")
    assert passes.read(wanted).phase is phases.Phase.RUNNING
    assert passes.read(wanted).start_time == builders.at(3)
    assert wanted.requeue_after is None


def asks(wanted: plan.Plan) -> str | None:
    """Return the kind whose events a plan asks for."""
    warned = wanted.inquiry is not None and not wanted.inquiry.reasons
    return wanted.inquiry.kind if wanted.inquiry is not None and warned else None


@pytest.mark.parametrize(
    ("pod", "now", "asked"),
    [
        (lambda: None, 2, None),
        (lambda: None, 4, "Job"),
        (lambda: on_node().waiting(), 4, None),
        (lambda: on_node().waiting(), 5, "Pod"),
        (lambda: on_node(), 5, "Pod"),
        (lambda: on_node().waiting("PodInitializing"), 5, "Pod"),
        (lambda: on_node().pull_failed(), 5, None),
        (lambda: builders.pod().unschedulable(), 50, None),
        (lambda: on_node().running(), 50, None),
    ],
    ids=[
        "no pod yet",
        "no pod for long",
        "just placed",
        "silent since it was placed",
        "not touched by the kubelet",
        "silent in its initialisation",
        "the kubelet says why",
        "the scheduler says why",
        "it runs",
    ],
)
def test_events_are_asked_for_only_where_nobody_says_why(
    pod: Callable[[], builders.PodBuilder | None], now: float, asked: str | None
) -> None:
    assert asks(passes.decided(seen(pod()), now=now)) == asked


def test_a_silent_start_is_looked_at_again_less_and_less_often() -> None:
    pod = on_node().waiting()

    waits = [passes.decided(seen(pod), now=now).requeue_after for now in (2, 5, 32, 602)]

    assert waits == [pytest.approx(each) for each in (3.0, 3.0, 15.0, 60.0)]


def test_a_start_that_takes_too_long_ends_the_job_with_the_last_cause() -> None:
    before = seen(on_node().pull_failed("ErrImagePull", "no such manifest"))
    before = passes.stored(before, passes.decided(before, now=5))

    wanted = passes.decided(before, now=1801)

    assert passes.condition(wanted, "Failed")[1:] == (
        "StartupDeadlineExceeded",
        "not started within 1800 s; last: no such manifest; check the image's name and pullSecrets",
    )
    failure = passes.read(wanted).failure
    assert failure is not None
    assert failure.class_ == "ImagePull"


def test_a_start_that_took_too_long_has_its_job_removed_after_it_is_told() -> None:
    # Told first: a restart in between must not find an unfinished job without a Job.
    before = seen(builders.pod().unschedulable())
    wanted = passes.decided(before, now=1801)
    assert not wanted.deletes
    assert wanted.requeue_after is not None

    after = passes.decided(passes.stored(before, wanted), now=1802)

    assert [(each.name, each.uid) for each in after.deletes] == [("gestures-1", "job-uid-1")]
    assert after.status is None


def test_a_job_that_has_run_is_never_removed() -> None:
    before = seen(on_node().running())
    failed = builders.job().failed(2000).view()
    ended = on_node().exited(1, "boom", after=2000).view()
    before = dataclasses.replace(before, workload=failed, pods=(ended,))

    wanted = passes.decided(before, now=2001)

    assert passes.read(wanted).phase is phases.Phase.FAILED
    assert not passes.decided(passes.stored(before, wanted), now=2002).deletes
    assert not passes.decided(before, now=2002).deletes


def test_a_start_before_the_deadline_counts_when_it_is_seen_late() -> None:
    wanted = passes.decided(seen(on_node().running(since=100)), now=5000)

    assert passes.read(wanted).phase is phases.Phase.RUNNING
    assert not wanted.deletes


def test_a_suspended_job_is_still_bound_by_its_deadline() -> None:
    job = builders.job().condition("Suspended", at_=2)
    before = builders.observation(build=facts.built(), workload=job)

    assert passes.decided(before, now=1801).requeue_after is not None
    assert passes.condition(passes.decided(before, now=1801), "Failed")[1] == (
        "StartupDeadlineExceeded"
    )
