"""Names that appear in the cluster: API group, labels, annotations. One constant each."""

from __future__ import annotations

GROUP = "trainshed.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "TrainingJob"
PLURAL = "trainingjobs"

JOB = f"{GROUP}/job"
ATTEMPT = f"{GROUP}/attempt"
COMPONENT = f"{GROUP}/component"
FOLDS = f"{GROUP}/folds"
"""On the Job and the pods of a cross-validation: how many folds it has."""

CLASS = f"{GROUP}/class"
"""On pods with devices: their AcceleratorClass."""
RESOURCE = f"{GROUP}/resource"
"""The annotation that tells which of a pod's resources its accelerator is."""

APP_NAME = "app.kubernetes.io/name"
APP_COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "trainshed"
SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""The server-side selector of every Job and Pod that the operator watches."""

COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
"""The annotation, and since Kubernetes 1.28 the label, by which a Job numbers its pods."""

TRAINER = "trainer"
"""The component, and the name of the training container."""

IMAGE_VOLUME = "trainshed-image"
"""The volume of a training pod that is an image."""

BUILDER = "builder"
"""The component, and the name of the container, of a build pod."""
FETCHER = "fetch"
ENGINE = "engine"
"""The containers before it, in the pod of a Dockerfile's build."""
COMPILER = "compile"
"""In place of the engine, where extensions are compiled."""
WHEELS = "wheels"
"""Between the two of ours, where source distributions are built."""
DOCKERFILES = f"{GROUP}/dockerfile-builds"
"""On a namespace, with the value `true`: its jobs may have Dockerfiles built."""
BUILD = f"{GROUP}/build"
"""On the Job and the pods of a build: what they build, by the hash of its order."""

ORDER = f"{GROUP}/order"
"""The annotation that holds a build's order."""

SPEC = f"{GROUP}/spec"
PARAMS = f"{GROUP}/params"
CA = f"{GROUP}/ca"
"""Annotations whose values reach the pod as files, through a downward-API volume."""

PROGRESS_AUDIENCE = f"{GROUP}/progress"
REGISTRY_AUDIENCE = f"{GROUP}/registry"
BUILDS_AUDIENCE = f"{GROUP}/builds"
"""The last two are of the tokens of build pods; each audience opens one door alone."""
QUEUE = "kueue.x-k8s.io/queue-name"
"""On a TrainingJob and its Job: the queue of Kueue that it waits in."""
QUEUE_PRIORITY = "kueue.x-k8s.io/priority-class"
"""Likewise: the WorkloadPriorityClass that it waits with."""
QUEUED_JOB = "kueue.x-k8s.io/job-uid"
"""On a Workload of Kueue: the uid of what it is of."""
PULL_SECRET = "trainshed-registry"
"""The Secret by which a namespace's pods pull from the bundled registry."""
METRICS_PORT = 9400
"""The trainer's /metrics, named `metrics` in the pod."""
