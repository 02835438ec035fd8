"""`status` of a TrainingJob: what a person reads. Only the reconciler writes it."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import artifacts as artifacts_api
from trainshed.api import base, phases
from trainshed.api import checkpoint as checkpoint_api
from trainshed.api import cross_validation as cross_validation_api
from trainshed.api import performance as performance_api

Time = Annotated[str, pydantic.Field(json_schema_extra={"format": "date-time"})]


class Condition(base.Model):
    """One condition, as metav1.Condition has it."""

    type: str = pydantic.Field(max_length=64, description="What the condition is about.")
    status: str = pydantic.Field(
        pattern="^(True|False|Unknown)$", description="True, False or Unknown."
    )
    reason: str = pydantic.Field(max_length=128, description="The cause in one CamelCase word.")
    message: str = pydantic.Field(
        max_length=32768, description="The cause in a sentence, and what to do about it."
    )
    last_transition_time: Time = pydantic.Field(description="When the status last changed.")
    observed_generation: int = pydantic.Field(
        default=0, description="Generation of the spec that it was decided for."
    )


class ImageStatus(base.Model):
    """The image that the job runs."""

    ref: str = pydantic.Field(description="The image by digest, as nodes pull it.")
    volume: str | None = pydantic.Field(
        default=None,
        description="With image.delivery volume: the image by digest that is mounted into it.",
    )
    key: str | None = pydantic.Field(
        default=None, description="Content key: equal keys are the same image."
    )
    base_digest: str | None = pydantic.Field(
        default=None, description="Digest of the base image that it was built on."
    )
    cache_hit: bool | None = pydantic.Field(
        default=None, description="Whether the registry had it already."
    )
    seconds: float | None = pydantic.Field(default=None, description="Seconds that the build took.")
    uploaded_bytes: int | None = pydantic.Field(
        default=None, description="Bytes that were sent to the registry."
    )
    source_revision: str | None = pydantic.Field(
        default=None, description="The commit of a git source, or the digest of an artifact."
    )
    lock_hash: str | None = pydantic.Field(
        default=None,
        description="sha256 of the lock of the job's packages, which is in the image as"
        " /opt/trainshed/requirements.lock.",
    )


class Placement(base.Model):
    """Where the job runs."""

    type: str = pydantic.Field(description="Type of accelerator: cpu, gpu or fpga.")
    class_: str | None = pydantic.Field(
        default=None, alias="class", description="The AcceleratorClass that was chosen."
    )
    resource_name: str | None = pydantic.Field(
        default=None, description="The device plugin's resource that each pod asks for."
    )
    device_class_name: str | None = pydantic.Field(
        default=None, description="The DeviceClass whose devices each pod claims."
    )
    count: int | None = pydantic.Field(default=None, description="Devices of each pod.")
    fell_back_from: str | None = pydantic.Field(
        default=None, description="What was asked for first, and nothing can ever hold."
    )
    nodes: list[str] = pydantic.Field(default=[], description="Nodes of the pods, each once.")
    avoided_nodes: list[str] | None = pydantic.Field(
        default=None,
        description="Nodes left out, as they failed under other jobs of the namespace; empty where"
        " too few others could hold the job. Absent where none failed.",
    )


class ProgressStatus(base.Model):
    """The last progress that the job pushed; `lastUpdateTime` says how old it is."""

    step: int = pydantic.Field(description="Optimiser steps done.")
    total_steps: int | None = pydantic.Field(default=None, description="Steps until the end.")
    epoch: int | None = pydantic.Field(default=None, description="Epochs begun.")
    percent: int | None = pydantic.Field(default=None, description="Share of the steps, 0 to 100.")
    samples_per_second: float | None = pydantic.Field(
        default=None,
        description="Samples a second of the whole job; once finished, over all its training.",
    )
    step_seconds: performance_api.StepSeconds | None = pydantic.Field(
        default=None, description="Seconds of a step over a recent window."
    )
    data_wait_ratio: float | None = pydantic.Field(
        default=None, description="Share of training time spent waiting for data."
    )
    loss: float | None = pydantic.Field(default=None, description="Last training loss.")
    metrics: dict[str, float] | None = pydantic.Field(
        default=None,
        description="Last evaluation metrics.",
        json_schema_extra={"maxProperties": 10},
    )
    estimated_remaining_seconds: int | None = pydantic.Field(
        default=None, description="Seconds until the end at the mean speed so far."
    )
    last_update_time: Time | None = pydantic.Field(
        default=None, description="When the job pushed it."
    )


class Timeline(base.Model):
    """Seconds of each stage from apply to the first step; their sum is toFirstStep."""

    since: Time = pydantic.Field(description="When the operator first saw the job.")
    building: float | None = pydantic.Field(default=None, description="Until the image existed.")
    queued: float | None = pydantic.Field(
        default=None, description="Until Kueue first let it go; of a job in a queue alone."
    )
    scheduling: float | None = pydantic.Field(default=None, description="Until a node was found.")
    pulling: float | None = pydantic.Field(
        default=None, description="Until the container ran: volumes, image pull, start."
    )
    initialising: float | None = pydantic.Field(
        default=None, description="Until the first step began: imports, model, data."
    )
    first_step: float | None = pydantic.Field(
        default=None, description="The first step with its wait for data, where compilers work."
    )
    to_first_step: float | None = pydantic.Field(
        default=None, description="From apply to the end of the first step."
    )


class Attempts(base.Model):
    """Attempts at running the job."""

    current: int = pydantic.Field(description="Number of the present attempt, from 1.")
    admitted_at: Time | None = pydantic.Field(
        default=None, description="When Kueue let it go, of a job in a queue."
    )
    earlier_device_seconds: float | None = pydantic.Field(
        default=None,
        description="For how long attempts that were taken back had devices, from the start of"
        " training: seconds times pods times devices, of a CPU the pod. It is part of the cost.",
    )
    earlier_unseen: bool | None = pydantic.Field(
        default=None,
        description="Set where one ended while no operator ran: it counts to its last progress.",
    )


class FailureStatus(base.Model):
    """What failed, whose failure it is and what to do."""

    class_: str = pydantic.Field(alias="class", description="Whose failure it is.")
    rank: int | None = pydantic.Field(default=None, description="The rank that failed first.")
    fold: int | None = pydantic.Field(
        default=None, description="The fold of a cross-validation that failed first."
    )
    pod: str | None = pydantic.Field(default=None, description="Its pod.")
    node: str | None = pydantic.Field(default=None, description="The pod's node.")
    exit_code: int | None = pydantic.Field(
        default=None, description="Exit code of the training container."
    )
    message: str = pydantic.Field(default="", description="What failed, in a sentence.")
    log_tail: str | None = pydantic.Field(default=None, description="Last lines of the log.")
    advice: str | None = pydantic.Field(default=None, description="What to do next.")


class Cost(base.Model):
    """What the job's devices cost, by the price of its class."""

    amount: float = pydantic.Field(
        description="Hours from the start of training to the job's end, of each pod, times its"
        " devices, times the price of one; of a CPU the pod counts as one. With those of attempts"
        " that Kueue took back."
    )
    currency: str = pydantic.Field(description="ISO 4217 code, such as USD.")
    at_least: bool | None = pydantic.Field(
        default=None,
        description="Set where it may be more: nobody saw when an earlier attempt ended.",
    )


class Result(base.Model):
    """The job's own final account."""

    samples: int = pydantic.Field(description="Samples trained on, repeats included.")
    seconds: float = pydantic.Field(description="Seconds of training: steps and waits for data.")
    samples_per_second: float = pydantic.Field(description="Samples over those seconds.")
    steps: int = pydantic.Field(description="Optimiser steps done.")
    epochs: int = pydantic.Field(description="Epochs done.")
    loss: float | None = pydantic.Field(default=None, description="Last training loss.")
    accuracy: float | None = pydantic.Field(
        default=None, description="Accuracy on the held-out split."
    )
    time_to_target_seconds: float | None = pydantic.Field(
        default=None,
        description="Seconds from the start of training to the evaluation that reached "
        "training.target.",
    )
    corrupt_samples: int | None = pydantic.Field(
        default=None,
        description="Samples that rank 0 could not read, and left out as data.maxCorrupt allows; "
        "absent where there were none, and of a cross-validation.",
    )
    energy_joules: float | None = pydantic.Field(
        default=None,
        description="Energy of its GPUs in the last attempt, from the start of its processes to "
        "their end, by the devices' own counters; absent where one has none, as parts of a GPU.",
    )
    cost: Cost | None = pydantic.Field(
        default=None,
        description="What its devices cost; absent where its class has no price.",
    )


class TrainingJobStatus(base.Model):
    """What happened to the job so far."""

    phase: phases.Phase = pydantic.Field(
        default=phases.Phase.PENDING, description="Summary of the conditions."
    )
    observed_generation: int | None = pydantic.Field(
        default=None, description="Generation of the spec that the status is about."
    )
    conditions: list[Condition] = pydantic.Field(
        default=[],
        max_length=16,
        description="What is true of the job, by type.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    image: ImageStatus | None = pydantic.Field(default=None, description="The image it runs.")
    placement: Placement | None = pydantic.Field(default=None, description="Where it runs.")
    attempts: Attempts | None = pydantic.Field(default=None, description="Attempts at running it.")
    progress: ProgressStatus | None = pydantic.Field(
        default=None, description="The last progress that it pushed."
    )
    timeline: Timeline | None = pydantic.Field(
        default=None, description="Seconds of each stage from apply to the first step."
    )
    failure: FailureStatus | None = pydantic.Field(
        default=None, description="What failed, whose failure it is and what to do."
    )
    checkpoint: checkpoint_api.CheckpointStatus | None = pydantic.Field(
        default=None, description="The run's checkpoints."
    )
    result: Result | None = pydantic.Field(default=None, description="Its own final account.")
    performance: performance_api.PerformanceStatus | None = pydantic.Field(
        default=None, description="What evaluation.performance has measured."
    )
    artifacts: artifacts_api.Artifacts | None = pydantic.Field(
        default=None, description="The files that it has left on its volumes."
    )
    cross_validation: cross_validation_api.CrossValidationStatus | None = pydantic.Field(
        default=None, description="The folds of evaluation.crossValidation."
    )
    start_time: Time | None = pydantic.Field(
        default=None, description="When the training container started."
    )
    completion_time: Time | None = pydantic.Field(default=None, description="When the job ended.")

    def condition(self, type_: str) -> Condition | None:
        """Return the condition of this type."""
        return next((each for each in self.conditions if each.type == type_), None)
