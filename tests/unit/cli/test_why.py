"""`trainshed why`: the first thing that keeps a job from going on, of statuses of passes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests import builders, facts, places
from tests.unit.core import passes
from trainshed.cli import failing, texts, trees, why
from trainshed.core import observed

GPU = "nvidia.com/gpu"


def answer(seen: observed.Observation, *, now: float = 10, **conditions: Any) -> why.Answer:
    """Return the answer for a job after a pass; conditions of others beside those of the pass."""
    wanted = passes.read(passes.decided(seen, now=now)).dump()
    others = [
        {"type": type_, "lastTransitionTime": builders.at(0), **fields}
        for type_, fields in conditions.items()
    ]
    return why.of(job(status={**wanted, "conditions": [*wanted["conditions"], *others]}))


def job(**fields: Any) -> dict[str, Any]:
    """Return the body of a TrainingJob."""
    return {"metadata": {"namespace": "team", "name": "gestures"}, **fields}


def at(found: why.Answer) -> tuple[str, str, str]:
    """Return step, mark and reason of what keeps a job."""
    first = found.first
    assert first is not None
    return str(first.step), str(first.mark), first.reason


def running(pod: builders.PodBuilder | None, **more: Any) -> observed.Observation:
    """Return a job whose image is there."""
    pods = [pod] if pod is not None else []
    workload = builders.job().active()
    return builders.observation(build=facts.built(), workload=workload, pods=pods, **more)


@pytest.mark.parametrize(
    ("seen", "step", "mark", "reason", "todo"),
    [
        (
            builders.observation(
                builders.training_job().cnn().spec(accelerator={"class": "l4", "count": 8}),
                places=places.of(places.gpu("l4"), places.node("a", {GPU: 4})),
            ),
            "accelerator",
            "blocked",
            "NoNodeFits",
            "create it anew with a lower accelerator.count and more replicas",
        ),
        (
            builders.observation(
                builders.training_job().config_map(),
                build=observed.BuildView(
                    refusal=facts.refused(
                        "SourceNotFound", "there is no ConfigMap code; create it", retry=30
                    )
                ),
            ),
            "image",
            "blocked",
            "SourceNotFound",
            "create it",
        ),
        (
            builders.observation(build=observed.BuildView()),
            "image",
            "now",
            "Building",
            "",
        ),
        (
            running(
                None,
                warning=facts.refused(
                    "FailedCreate", "FailedCreate: exceeded quota: small; change the job"
                ),
            ),
            "pods",
            "blocked",
            "QuotaExceeded",
            "wait until others of the namespace have ended, ask for less in a new job, or have the"
            " quota raised",
        ),
        (
            running(
                None, warning=facts.refused("FailedCreate", "FailedCreate: denied; ask for it")
            ),
            "pods",
            "blocked",
            "PodRejected",
            "ask for it",
        ),
        (
            running(builders.pod().unschedulable()),
            "node",
            "blocked",
            "InsufficientNow",
            "wait until other pods have ended, lower resources in a new job, or add a node",
        ),
        (
            running(builders.pod()),
            "node",
            "now",
            "WaitingForScheduler",
            "",
        ),
        (
            running(
                builders.pod().unschedulable(),
                scaling=observed.Scaling("pod triggered scale-up", makes=True),
            ),
            "node",
            "now",
            "WaitingForAutoscaler",
            "the pod starts there by itself",
        ),
        (
            running(
                builders.pod().on_node().waiting(),
                warning=facts.refused("FailedMount", "FailedMount: no such claim; create it"),
            ),
            "volumes",
            "blocked",
            "FailedMount",
            "create it",
        ),
        (
            running(builders.pod().on_node().pull_failed(message="no such manifest")),
            "image pull",
            "blocked",
            "ImagePullFailed",
            "check the image's name and pullSecrets",
        ),
        (
            running(builders.pod().on_node().waiting("CreateContainerConfigError", "no secret")),
            "container",
            "blocked",
            "ContainerConfigInvalid",
            "create what is missing, or create the job anew without it",
        ),
        (
            running(builders.pod().on_node().waiting()),
            "container",
            "now",
            "ContainerStarting",
            "",
        ),
        (running(builders.pod().on_node().running()), "training", "now", "Training", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_cause_is_told_at_its_step(
    seen: observed.Observation, step: str, mark: str, reason: str, todo: str
) -> None:
    found = answer(seen)

    assert at(found) == (step, mark, reason)
    assert found.first is not None
    assert found.first.todo == todo
    order = [str(each.step) for each in found.steps]
    here = order.index(step)
    assert {str(each.mark) for each in found.steps[:here]} <= {"done"}
    assert {str(each.mark) for each in found.steps[here + 1 :]} <= {"later"}


def test_a_failure_is_told_where_it_came_with_its_advice() -> None:
    pod = builders.pod().on_node().exited(1, "boom")
    seen = builders.observation(build=facts.built(), workload=builders.job().failed(31), pods=[pod])

    found = answer(seen, now=60)

    assert at(found) == ("training", "blocked", "UserCodeFailed")
    assert found.first is not None
    assert found.first.message == "the command ended with exit code 1: boom"
    assert found.first.todo.startswith("read failure.logTail")


def test_a_start_that_was_given_up_is_told_at_its_step_with_its_last_words() -> None:
    waits = running(builders.pod().on_node().pull_failed(message="no such manifest"))
    waits = passes.stored(waits, passes.decided(waits))

    found = answer(waits, now=1802)

    assert at(found) == ("image pull", "blocked", "StartupDeadlineExceeded")
    assert found.first is not None
    assert "no such manifest" in found.first.message


def test_a_job_that_has_succeeded_is_kept_by_nothing() -> None:
    pod = builders.pod().on_node().succeeded()
    seen = builders.observation(
        build=facts.built(), workload=builders.job().complete(31), pods=[pod]
    )

    found = answer(seen, now=60)

    assert found.first is None
    assert {str(each.mark) for each in found.steps} == {"done"}


def test_nodes_that_were_left_out_are_told_where_the_accelerator_is() -> None:
    placement = {"type": "gpu", "class": "l4", "avoidedNodes": ["a", "b"]}
    seen = builders.observation(
        builders.training_job().cnn().status({"placement": placement}),
        build=facts.built(),
        workload=builders.job().active(),
        pods=[builders.pod()],
    )

    told = next(each for each in answer(seen).steps if each.step is why.Name.ACCELERATOR)

    assert told.message == "gpu, class l4; left out after failures there: a, b"


def test_a_job_that_nobody_has_looked_at_says_where_to_look() -> None:
    found = why.of(job())

    assert at(found) == ("accepted", "now", "NotSeen")
    assert found.first is not None
    assert found.first.todo.startswith("see that it runs: kubectl get pods")


def test_the_queue_of_kueue_is_a_step_where_the_job_is_in_one() -> None:
    waits = {"status": "False", "reason": "Pending", "message": "no quota; wait, or ask for more"}

    found = answer(running(None), Admitted=waits)

    assert at(found) == ("admitted by Kueue", "blocked", "Pending")
    admitted = answer(running(builders.pod()), Admitted={**waits, "status": "True"})
    assert at(admitted)[0] == "node"


def test_a_job_that_the_operator_fails_at_says_so_at_the_step_where_it_is() -> None:
    said = "the operator fails at this job by a fault of its own (KeyError); see the log"
    stalled = {"status": "True", "reason": "InternalError", "message": said}

    found = answer(running(builders.pod()), Stalled=stalled)

    assert at(found) == ("node", "blocked", "InternalError")
    assert found.first is not None
    assert found.first.todo == "see the log"


def test_a_status_of_another_version_is_no_answer() -> None:
    with pytest.raises(failing.Refused, match="another version") as refused:
        why.of(job(status={"conditions": 5}))

    assert refused.value.code == 1


def written(found: why.Answer, form: texts.Form) -> str:
    """Return what is written for no terminal."""
    out = io.StringIO()
    trees.write(found, form, out)
    return out.getvalue()


def test_the_tree_has_each_step_on_a_line_of_its_own_and_the_cause_beneath() -> None:
    found = answer(running(builders.pod().on_node().pull_failed(message="no such manifest")))

    lines = [each.rstrip() for each in written(found, texts.Form.TEXT).splitlines()]

    assert lines == [
        "team/gestures  Starting",
        "├── ✓ accepted",
        "├── ✓ accelerator: cpu, any node",
        f"├── ✓ image: {builders.IMAGE}",
        "├── ✓ pods",
        "├── ✓ node: node-1",
        "├── ✓ volumes",
        "├── ✗ image pull: ImagePullFailed",
        "│   ├── no such manifest",
        "│   └── → check the image's name and pullSecrets",
        "├── · container",
        "└── · training",
    ]


def test_a_program_gets_the_same_as_json_and_yaml() -> None:
    found = answer(running(builders.pod().unschedulable()))

    document = json.loads(written(found, texts.Form.JSON))

    assert document["job"] == "team/gestures"
    assert document["first"] in document["steps"]
    assert document["first"]["reason"] == "InsufficientNow"
    assert "reason: InsufficientNow" in written(found, texts.Form.YAML)
