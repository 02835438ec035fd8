"""What is kept of the API server's bodies."""

import pytest

from tests import builders
from trainshed.core import observe, observed, times


@pytest.mark.parametrize(
    ("seen", "first"),
    [(0.4, 0.4), (1.9, 1.9), (2.0, 0.0), (600.0, 0.0), (-0.5, 0.0)],
    ids=["at once", "within a second", "late", "after a restart", "clocks that disagree"],
)
def test_a_fresh_job_begins_when_it_is_seen(seen: float, first: float) -> None:
    view = builders.training_job().cnn().view(now=seen)

    assert view.first_seen == builders.T0 + first


def test_a_body_without_status_is_read() -> None:
    body = builders.training_job().cnn().build()
    bare = {**builders.pod().build(), "status": None, "spec": None}

    assert observe.training_job(body, now=0.0).status == b"{}"
    assert observe.pod(bare).phase == ""
    assert observe.job({**builders.job().build(), "status": None, "spec": None}).image == ""


def test_only_the_controller_owns_a_job() -> None:
    body = builders.job().build()
    body["metadata"]["ownerReferences"].insert(0, {"uid": "stranger", "controller": False})

    assert observe.job(body).owner_uid == builders.UID
    assert builders.job().owned_by(None).view().owner_uid is None


def test_a_job_shows_the_trainers_image() -> None:
    body = builders.job().running_image("own:1").build()
    body["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "p:1"})

    assert observe.job(body).image == "own:1"


def test_only_the_trainers_container_is_looked_at() -> None:
    body = builders.pod().on_node().running().build()
    sidecar = {"name": "proxy", "state": {"terminated": {"exitCode": 3}}}
    body["status"]["containerStatuses"].insert(0, sidecar)

    assert observe.pod(body).container.exit_code is None


def test_the_container_of_an_ended_pod_keeps_its_start() -> None:
    container = builders.pod().on_node().exited(1, "boom", since=3, after=9).view().container

    assert (container.started, container.finished) == (builders.T0 + 3, builders.T0 + 9)
    assert (container.exit_code, container.reason, container.message) == (1, "Error", "boom")


@pytest.mark.parametrize("text", ["", "two", "-1", None], ids=repr)
def test_an_attempt_that_is_no_number_is_none(text: str | None) -> None:
    body = builders.job().build()
    body["metadata"]["labels"]["trainshed.dev/attempt"] = text

    assert observe.job(body).attempt == 0


@pytest.mark.parametrize(
    "text",
    ["2026-09-21T14:13:20Z", "2026-09-21T14:13:20.000000Z", "2026-09-21T16:13:20+02:00"],
)
def test_timestamps_are_read_in_every_form_of_the_api(text: str) -> None:
    assert times.parse(text) == builders.T0


def test_timestamps_are_written_as_the_api_writes_them() -> None:
    assert times.render(builders.T0 + 0.9) == "2026-09-21T14:13:20Z"
    assert times.render_precise(builders.T0 + 0.25) == "2026-09-21T14:13:20.250Z"
    assert times.parse(None) is None


def test_the_index_of_a_pod_and_the_size_of_its_job() -> None:
    assert builders.pod().index(3).view().index == 3
    assert builders.pod().view().index == 0
    assert builders.job().replicas(4).view().completions == 4
    assert builders.job().view().completions == 1


def test_whose_a_child_is() -> None:
    found = observe.child(builders.job().deleting().build())

    assert (found.owner_uid, found.training_job) == (builders.UID, builders.NAME)
    assert found.deleting


def staged(**states: object) -> observed.ContainerView:
    """Return what is seen of a pod whose containers before the last are in these states."""
    body = builders.pod().on_node().build()
    status = body["status"]
    status["containerStatuses"] = [
        {"name": "builder", "state": {"waiting": {"reason": "PodInitializing"}}}
    ]
    status["initContainerStatuses"] = [
        {"name": name, "state": state} for name, state in states.items()
    ]
    return observe.pod(body).container


RUNS = {"running": {"startedAt": builders.at(3)}}
DONE = {"terminated": {"exitCode": 0, "startedAt": builders.at(1), "finishedAt": builders.at(2)}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": builders.at(4)}}
UNPULLED = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}


def test_a_build_in_steps_is_seen_by_the_step_that_is_not_done() -> None:
    assert staged(fetch=DONE, engine=RUNS).started == builders.T0 + 3
    assert staged(fetch=DONE, compile=DONE, wheels=RUNS).started == builders.T0 + 3
    assert staged(fetch=DONE, engine=UNPULLED).waiting_message == "no such image"
    killed = staged(fetch=DONE, engine=KILLED)
    assert (killed.exit_code, killed.reason) == (137, "OOMKilled")
    assert staged(fetch=DONE, engine=DONE).waiting_reason == "PodInitializing"


def test_what_the_cluster_puts_before_a_pod_is_not_taken_for_it() -> None:
    assert staged(**{"istio-init": KILLED}).exit_code is None
