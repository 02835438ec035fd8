"""What has been observed of the world, trimmed to the fields that decisions use.

The cache holds these alone: a raw body takes eight times its JSON. Times: Unix seconds, or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from trainshed.builds import measures
from trainshed.core import identities, reports

if TYPE_CHECKING:
    from trainshed.accelerators import index, usage
    from trainshed.core import offenders

Uid = identities.Uid


class JobKey(NamedTuple):
    """Names one TrainingJob; also the key of the work queue."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class TrainingJobView:
    """A TrainingJob. Spec and status stay JSON until a pass needs them, to keep memory small."""

    key: JobKey
    uid: Uid
    resource_version: str
    generation: int
    created: float
    """Creation by the API server's clock, whole seconds."""
    first_seen: float
    """When this process first saw it; a better start than `created` for a fresh job."""
    deleting: bool
    spec: bytes
    status: bytes
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionView:
    """One condition of a Job or Pod."""

    type: str
    status: str
    reason: str
    message: str
    changed: float | None


@dataclass(frozen=True, slots=True)
class ChildView:
    """Whose an object is."""

    owner_uid: Uid | None
    training_job: str
    deleting: bool


@dataclass(frozen=True, slots=True)
class JobView:
    """A batch/v1 Job of ours."""

    namespace: str
    name: str
    uid: Uid
    owner_uid: Uid | None
    resource_version: str
    training_job: str
    attempt: int
    created: float
    deleting: bool
    active: int
    terminating: int
    completed: float | None
    conditions: tuple[ConditionView, ...] = ()
    completions: int = 1
    """How many pods it is to have, each with an index of its own."""
    image: str = ""
    """What the training container runs."""
    volume: str = ""
    """The image that is mounted into it; empty for none."""
    parallelism: int = 1
    """How many of its pods live at a time."""
    folds: int = 0
    """Its pods are so many folds of a cross-validation; 0: they train one model together."""
    build: str = ""
    """The hash of the order that it builds; empty for a Job that trains."""
    suspended: bool = False
    started: float | None = None
    """When it was let go: anew after each time that it was suspended."""
    queue: str = ""
    """The queue of Kueue that it is in; empty for none."""
    selector: tuple[tuple[str, str], ...] = ()
    """The node selector of its pods, where it is in a queue: Kueue adds to it."""

    def condition(self, type_: str) -> ConditionView | None:
        """Return the condition of this type when its status is True."""
        return next((c for c in self.conditions if c.type == type_ and c.status == "True"), None)


@dataclass(frozen=True, slots=True)
class QueueView:
    """Kueue's Workload of a Job: whether the Job may run, and why not."""

    namespace: str
    name: str
    uid: Uid
    resource_version: str
    job: str
    """Name of the Job; empty where it is of something else."""
    job_uid: Uid | None
    active: bool
    conditions: tuple[ConditionView, ...] = ()

    def condition(self, type_: str) -> ConditionView | None:
        """Return the condition of this type, whatever its status."""
        return next((c for c in self.conditions if c.type == type_), None)

    def is_true(self, type_: str) -> bool:
        """Return whether the condition of this type is True."""
        found = self.condition(type_)
        return found is not None and found.status == "True"


@dataclass(frozen=True, slots=True)
class ContainerView:
    """The trainer container's state: waiting, running or terminated, whichever it is."""

    waiting_reason: str = ""
    waiting_message: str = ""
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    """The termination message, unparsed: hostile input."""
    strange: bool = False
    """Whether it runs strangers' programs alone: its message is shown, and means nothing."""


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod of one of our Jobs."""

    namespace: str
    name: str
    uid: Uid
    owner_uid: Uid | None
    resource_version: str
    training_job: str
    attempt: int
    created: float
    deleting: bool
    phase: str
    reason: str
    message: str
    node: str
    container: ContainerView
    conditions: tuple[ConditionView, ...] = ()
    index: int = 0
    """Its number in its Job; rank 0 is in the pod of index 0."""
    fold: int | None = None
    """The fold of a cross-validation that it holds out, which is its index; else None."""
    build: str = ""
    """The hash of the order that it builds; empty for a pod that trains."""
    resource: str = ""
    """The device plugin's resource that it asks for; empty for none."""
    devices: int = 0
    """How many of them."""

    def condition(self, type_: str) -> ConditionView | None:
        """Return the condition of this type, whatever its status."""
        return next((c for c in self.conditions if c.type == type_), None)


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that exists in the registry."""

    ref: str
    """As nodes pull it, by digest."""
    key: str
    base_digest: str
    cache_hit: bool
    seconds: float
    uploaded_bytes: int
    source_revision: str = ""
    """The commit of a git source, or the digest of an artifact."""
    lock_hash: str = ""
    hits: tuple[str, ...] = ()
    """What was found in place of being made, as `measures.Hit` names it."""
    phases: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Seconds of each phase of the work; empty for who shares the work of another."""

    def shared(self) -> BuiltImage:
        """Return it as one that was found: another did the work."""
        hits = (measures.Hit.IMAGE,)
        return replace(self, cache_hit=True, uploaded_bytes=0, hits=hits, phases={})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step outside the operator did not work: a build, a create, a pod's start."""

    reason: str
    message: str
    terminal: bool
    """Whether trying again can't help."""
    retry_at: float = 0.0
    log_tail: str = ""
    """The last lines of what was refused, where it had begun to speak."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What an autoscaler told last of a pod that no node takes; without words: nothing."""

    words: str = ""
    makes: bool = False
    """Whether it makes a node; else it says why it makes none."""


@dataclass(frozen=True, slots=True)
class BuildView:
    """The build of a job's image in this process: running until it has an image or a refusal."""

    image: BuiltImage | None = None
    refusal: Refusal | None = None
    forced: bool = False
    """Whether it makes anew what a registry has lost."""
    base: str = ""
    """The base image that it was asked for on; empty where the order named none."""


@dataclass(frozen=True, slots=True)
class NameHolder:
    """An object of another owner that holds a child's name."""

    name: str
    predecessor: bool
    """Whether an earlier TrainingJob of the same name owns it, so that it will go."""
    kind: str = "Job"


@dataclass(frozen=True, slots=True)
class Observation:
    """All that is known of one TrainingJob at one moment."""

    job: TrainingJobView
    workload: JobView | None = None
    pods: tuple[PodView, ...] = ()
    departed: tuple[PodView, ...] = ()
    """Pods of the workload that failed, or were taken away, and are gone."""
    queue: QueueView | None = None
    """What Kueue says of the workload; None where it says nothing, or nobody may read it."""
    build: BuildView | None = None
    holder: NameHolder | None = None
    rejection: Refusal | None = None
    """The API server's answer to the last try at creating the child Job."""
    warning: Refusal | None = None
    """The newest Warning event of the Job or its pod, once it was asked for."""
    scaling: Scaling | None = None
    """What an autoscaler tells of a pod that waits for a node; None: it was not asked about."""
    progress: reports.Progress | None = None
    failure: reports.Failure | None = None
    folds: Mapping[int, reports.Progress] = field(default_factory=dict)
    """The last push of each fold of a cross-validation, whose `progress` is made of them."""
    places: index.Index | None = None
    """The nodes and classes of the cluster; None where nobody watches them."""
    devices: usage.Usage | None = None
    """Who has which devices; None where nobody counts them."""
    offenders: offenders.Offenders | None = None
    """Which nodes failed under jobs; None where nobody counts it."""
