"""Every reason that a condition, an event or a failure can carry, and when it is used."""

from __future__ import annotations

import enum


class ConditionType(enum.StrEnum):
    """The conditions of a TrainingJob, keyed by type."""

    ACCEPTED = "Accepted"
    """The spec can be run as it is."""
    IMAGE_READY = "ImageReady"
    """The image exists in the registry, by digest."""
    PLACED = "Placed"
    """The scheduler found a node for the pod."""
    RUNNING = "Running"
    """The training container runs."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Reason(enum.StrEnum):
    """CamelCase reasons of our own; the trainer and the registry client add theirs."""

    ACCEPTED = "SpecAccepted"
    SPEC_INVALID = "SpecInvalid"
    """The stored spec does not fit the operator's API, such as one written by a newer version."""
    NAME_TAKEN = "NameTaken"
    """The child Job's name belongs to an object that is not ours."""
    WAITING_FOR_OLD_WORKLOAD = "WaitingForOldWorkload"
    """A Job of an earlier TrainingJob of this name is still going."""
    WORKLOAD_REJECTED = "WorkloadRejected"
    """The API server refused the child Job."""
    ENTRY_POINT_NOT_FOUND = "EntryPointNotFound"
    SOURCE_NOT_FOUND = "SourceNotFound"
    """The ConfigMap of spec.source does not exist."""
    SOURCE_INVALID = "SourceInvalid"
    IMAGE_GIVEN = "ImageGiven"
    IMAGE_FOUND = "ImageFound"
    IMAGE_BUILT = "ImageBuilt"
    BUILDING = "Building"
    BUILD_CRASHED = "BuildCrashed"
    """A fault of the operator's own; its log has the traceback."""
    BUILD_DEADLINE_EXCEEDED = "BuildDeadlineExceeded"
    WORKLOAD_CREATED = "WorkloadCreated"
    SCHEDULED = "Scheduled"
    WAITING_FOR_SCHEDULER = "WaitingForScheduler"
    UNSCHEDULABLE = "Unschedulable"
    """No node takes the pod now; the message has the scheduler's own words."""
    CONTAINER_STARTING = "ContainerStarting"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    """The kubelet can't make the container: a missing Secret or ConfigMap, a bad mount."""
    START_FAILED = "StartFailed"
    """The container can't be started, such as a command that its image lacks."""
    TRAINING = "Training"
    STARTUP_DEADLINE_EXCEEDED = "StartupDeadlineExceeded"
    COMPLETED = "Completed"
    FINISHED = "Finished"
    USER_CODE = "UserCodeFailed"
    HOST_OOM = "HostOutOfMemory"
    NODE_LOST = "NodeLost"
    PREEMPTED = "Preempted"
    POD_REJECTED = "PodRejected"
    """Pods can't be created: admission, quota or a missing service account."""
    UNKNOWN = "UnknownFailure"


class FailureClass(enum.StrEnum):
    """Whose failure it is; the classes of this version."""

    USER_CODE = "UserCode"
    HOST_OOM = "HostOOM"
    NODE_LOST = "NodeLost"
    PREEMPTED = "Preempted"
    IMAGE_PULL = "ImagePull"
    BUILD = "Build"
    DATA = "Data"
    QUOTA = "Quota"
    UNKNOWN = "Unknown"
