"""What keeps a job from going on: every step of its way, of its status alone.

It knows what the conditions mean. What they say, and what to do, is the operator's.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pydantic

from trainshed.api import reasons, status
from trainshed.cli import advice, failing

Type = reasons.ConditionType
Reason = reasons.Reason
ADMITTED = "Admitted"
"""Kueue's word, where a job is in a queue."""


class Mark(enum.StrEnum):
    """How far a step is."""

    DONE = "done"
    NOW = "now"
    """Under way, or waiting for what comes by itself."""
    BLOCKED = "blocked"
    """It does not go on unless somebody does something, or something ends."""
    LATER = "later"


class Name(enum.StrEnum):
    """The steps, in order."""

    ACCEPTED = "accepted"
    ACCELERATOR = "accelerator"
    IMAGE = "image"
    ADMITTED = "admitted by Kueue"
    PODS = "pods"
    NODE = "node"
    VOLUMES = "volumes"
    PULL = "image pull"
    CONTAINER = "container"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `todo`: what to do about it; empty where there is nothing to do."""

    step: Name
    mark: Mark = Mark.LATER
    reason: str = ""
    message: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The way of a job, and the first step that keeps it from going on."""

    job: str
    phase: str
    steps: tuple[Step, ...]

    @property
    def first(self) -> Step | None:
        """Return the step at which the job is; None where it has succeeded."""
        return next((each for each in self.steps if each.mark in (Mark.NOW, Mark.BLOCKED)), None)


_ORDINARY = frozenset(
    {
        Reason.BUILDING,
        Reason.WAITING_FOR_SCHEDULER,
        Reason.WORKLOAD_CREATED,
        Reason.CONTAINER_STARTING,
        Reason.IMAGE_REBUILDING,
        Reason.WAITING_FOR_AUTOSCALER,
    }
)
"""Reasons of a condition that becomes true by itself."""
_OF_RUNNING: Mapping[str, Name] = {
    Reason.POD_REJECTED: Name.PODS,
    "FailedMount": Name.VOLUMES,
    "FailedAttachVolume": Name.VOLUMES,
    Reason.IMAGE_PULL_FAILED: Name.PULL,
    Reason.TRAINING: Name.TRAINING,
    Reason.FINISHED: Name.TRAINING,
}
"""What `Running` is about, by its reason; of any other, the container."""
_BAD = (Type.FAILED, Type.STALLED)
"""Conditions that are bad where they are true: whatever the step says of itself, they tell why."""
_UNSEEN = status.Condition(
    type=Type.ACCEPTED,
    status="Unknown",
    reason="NotSeen",
    message="the operator has not looked at the job yet; see that it runs: kubectl get pods -A -l"
    " app.kubernetes.io/component=operator",
    last_transition_time="",
)


def of(body: Mapping[str, Any]) -> Answer:
    """Return the answer for a TrainingJob; raises Refused for one that can't be read."""
    meta = body["metadata"]
    name = f"{meta['namespace']}/{meta['name']}"
    try:
        found = status.TrainingJobStatus.model_validate(body.get("status") or {})
    except pydantic.ValidationError as error:
        raise failing.Refused(
            f"the status of {name} was written by another version: use that version's trainshed",
            code=1,
        ) from error
    phase = str(found.phase) + (", being deleted" if meta.get("deletionTimestamp") else "")
    at, told = _at(found)
    steps = tuple(
        _step(each, found, at, told)
        for each in Name
        if each is not Name.ADMITTED or found.condition(ADMITTED) is not None
    )
    return Answer(name, phase, steps)


def _at(found: status.TrainingJobStatus) -> tuple[Name | None, status.Condition | None]:
    """Return the step at which a job is, None where it is through, and what is told of it."""
    if _true(found.condition(Type.SUCCEEDED)):
        return None, None
    at, told = _stuck(found)
    worse = (found.condition(each) for each in _BAD)
    return at, next((each for each in worse if _true(each)), told)


def _stuck(found: status.TrainingJobStatus) -> tuple[Name, status.Condition | None]:
    accepted, placed = found.condition(Type.ACCEPTED), found.condition(Type.PLACED)
    image, running = found.condition(Type.IMAGE_READY), found.condition(Type.RUNNING)
    if not _true(accepted):
        return Name.ACCEPTED, accepted or _UNSEEN
    if found.placement is None:
        return Name.ACCELERATOR, placed
    if not _true(image):
        return Name.IMAGE, image
    admitted = found.condition(ADMITTED)
    if admitted is not None and not _true(admitted):
        return Name.ADMITTED, admitted
    if placed is not None and placed.reason == Reason.QUOTA_EXCEEDED:
        return Name.PODS, placed
    if running is not None and running.reason == Reason.POD_REJECTED:
        return Name.PODS, running
    if not _true(placed):
        return (Name.PODS, None) if placed is None else (Name.NODE, placed)
    return _started(found, running), running


def _started(found: status.TrainingJobStatus, running: status.Condition | None) -> Name:
    """Return how far a pod that has its node is."""
    failure = found.failure
    if failure is None:
        return _OF_RUNNING.get(running.reason if running else "", Name.CONTAINER)
    # Of a job that has ended the condition says but that.
    if failure.class_ == reasons.FailureClass.IMAGE_PULL:
        return Name.PULL
    began = found.start_time is not None or failure.exit_code is not None
    return Name.TRAINING if began else Name.CONTAINER


def _step(
    name: Name,
    found: status.TrainingJobStatus,
    at: Name | None,
    told: status.Condition | None,
) -> Step:
    order = list(Name)
    if at is None or order.index(name) < order.index(at):
        return Step(name, Mark.DONE, message=_done(name, found))
    if name is at:
        return _now(Step(name, Mark.NOW), told, found)
    # The image stays ready when it is the Job that the API server refuses.
    image = found.condition(Type.IMAGE_READY)
    ready = name is Name.IMAGE and _true(image)
    return Step(name, Mark.DONE, message=_done(name, found)) if ready else Step(name)


def _now(step: Step, told: status.Condition | None, found: status.TrainingJobStatus) -> Step:
    """Return a step with what is told of it: the cause, and what to do."""
    if told is None:
        return step
    if told.type == Type.FAILED and found.failure is not None and found.failure.message:
        said, todo = found.failure.message, found.failure.advice or ""
        said = said.removesuffix(f"; {todo}")
    elif told.status == "True" and told.type not in _BAD:
        said, todo = told.message, ""
    else:
        said, todo = advice.part(told.message)
    by_itself = told.status == "True" or told.reason in _ORDINARY
    mark = Mark.BLOCKED if told.type in _BAD or not by_itself else Mark.NOW
    if told is _UNSEEN:
        mark = Mark.NOW
    return replace(step, mark=mark, reason=told.reason, message=said, todo=todo)


def _done(name: Name, found: status.TrainingJobStatus) -> str:
    """Return what is worth telling of a step that is done."""
    placement, image = found.placement, found.image
    if name is Name.ACCELERATOR and placement is not None:
        return _chosen(placement)
    if name is Name.IMAGE and image is not None:
        return image.volume or image.ref
    if name is Name.NODE and placement is not None:
        return ", ".join(placement.nodes)
    if name is Name.TRAINING:
        ended = found.condition(Type.SUCCEEDED)
        return ended.message if ended is not None else ""
    return ""


def _chosen(placement: status.Placement) -> str:
    of_class = f"class {placement.class_}" if placement.class_ else "any node"
    if placement.resource_name:
        of_class = f"{placement.count} {placement.resource_name} of {of_class}"
    back = placement.fell_back_from
    away = ", ".join(placement.avoided_nodes or ())
    return (
        f"{placement.type}, {of_class}{f', in place of {back}' if back else ''}"
        f"{f'; left out after failures there: {away}' if away else ''}"
    )


def _true(condition: status.Condition | None) -> bool:
    return condition is not None and condition.status == "True"
