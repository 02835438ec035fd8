"""The child objects in full, as golden files: a change of them is seen in review.

`TRAINSHED_GOLDEN=write pytest tests/unit/workloads` writes them anew.
"""

import os
import pathlib
from typing import Any

import pytest
import yaml

from tests import builders, facts, places
from tests.unit.core import passes

FOLDER = pathlib.Path(__file__).parent / "golden"
POD: dict[str, Any] = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [
        {"key": "dedicated", "operator": "Equal", "value": "training", "effect": "NoSchedule"},
        {"key": "flaky", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
    ],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
                ]
            }
        }
    },
    "labels": {"team": "vision"},
    "annotations": {"example.org/note": "long run"},
    "env": [
        {"name": "MODE", "value": "fast"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}},
        {"name": "FLAG", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "b"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ],
    "envFrom": [
        {"prefix": "S_", "secretRef": {"name": "keys", "optional": True}},
        {"configMapRef": {"name": "flags"}},
    ],
    "serviceAccountName": "trainer",
    "volumes": [
        {"name": "data", "persistentVolumeClaim": {"claimName": "clips", "readOnly": True}},
        {"name": "flags", "configMap": {"name": "flags", "items": [{"key": "b", "path": "b"}]}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 288}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "remote", "csi": {"driver": "csi.example.org", "volumeAttributes": {"a": "b"}}},
    ],
    "volumeMounts": [
        {"name": "data", "mountPath": "/data", "readOnly": True},
        {"name": "flags", "mountPath": "/flags", "subPath": "b"},
        {"name": "keys", "mountPath": "/keys"},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "remote", "mountPath": "/remote"},
    ],
    "fsGroup": 2000,
    "terminationGracePeriodSeconds": 120,
}
AT = places.of(
    places.gpu(
        "nvidia-l4",
        node_labels={"pool": "gpus"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        runtimeClassName="nvidia",
        peakTeraflops={"bf16": 121, "fp32": 30.3},
    ),
    places.node("gpu-1", {"nvidia.com/gpu": 4, "rdma/hca": 1}, labels_={"pool": "gpus"}),
    places.class_("claimed", "gpu", deviceClassName="gpu.example.com"),
)
JOBS = {
    "built-in-model": builders.training_job().cnn(channels=[8, 16]).epochs(3),
    "inline-source": builders.training_job()
    .inline({"train.py": "print('hello')"}, "python", "train.py", "--fast")
    .spec(params={"width": 2}),
    "data-and-checkpoints": builders.training_job()
    .tensorflow()
    .model("cnn-lstm", channels=[8], cell="gru")
    .spec(
        data={
            "folder": {"path": "/data/clips", "layout": "videos"},
            "volume": {"claimName": "clips"},
            "maxCorrupt": 2,
            "preprocess": {"frames": 16, "augment": ["hflip", "crop"]},
        },
        checkpoint={"volume": {"claimName": "kept"}, "from": {"job": "other"}, "keep": 3},
        training={"loss": {"name": "focal"}, "target": {"value": 0.95}},
    ),
    "cross-validation": builders.training_job()
    .cnn()
    .epochs(3)
    .folds(5, parallelism=2)
    .spec(
        checkpoint={"volume": {"claimName": "kept"}},
        visualization={"volume": {"claimName": "shown"}},
    ),
    "several-pods": builders.training_job().tensorflow().script().replicas(3, processes=2),
    "several-pods-of-a-command": builders.training_job().command("torchrun", "x.py").replicas(2),
    "mounted-image": builders.training_job()
    .script()
    .spec(
        image={"base": "registry.example:5000/own:1", "delivery": "volume"},
        pod={"volumes": [], "volumeMounts": []},
    ),
    "two-gpus": builders.training_job()
    .cnn()
    .spec(accelerator={"class": "nvidia-l4", "count": 2}, resources={"cpu": "4", "memory": "8Gi"}),
    "several-pods-of-gpus": builders.training_job()
    .script()
    .replicas(2)
    .spec(accelerator={"class": "nvidia-l4", "count": 2}),
    "claimed-gpus": builders.training_job()
    .script()
    .replicas(2)
    .spec(accelerator={"class": "claimed", "count": 4}),
    "claimed-by-a-template": builders.training_job()
    .script()
    .spec(
        accelerator={"class": "claimed", "count": 2, "resourceClaimTemplateName": "two-of-mine"},
        resources={"devices": {"rdma/hca": 1}},
    ),
    "ready-image": builders.training_job()
    .command("python", "/work/train.py", image="registry.example/own@sha256:" + "c" * 64)
    .spec(
        image={
            "ref": "registry.example/own@sha256:" + "c" * 64,
            "pullSecrets": [{"name": "registry-key"}],
        },
        params={"width": 2, "deep": {"list": [1, None, True]}},
        resources={"cpu": "500m", "memory": "2Gi", "sharedMemory": "1Gi"},
        pod=POD,
    ),
}


def children(job: builders.TrainingJobBuilder) -> list[dict[str, Any]]:
    """Return what the operator creates for a TrainingJob, in order."""
    creates = passes.decided(builders.observation(job, build=facts.built(), places=AT)).creates
    return [dict(each) for each in creates]


def rendered(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the Job that the operator creates for a TrainingJob."""
    return children(job)[-1]


@pytest.mark.parametrize("name", JOBS)
def test_the_children_are_the_golden_ones(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    text = yaml.safe_dump_all(children(JOBS[name]), sort_keys=False, width=100)
    if os.environ.get("TRAINSHED_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", JOBS)
def test_the_children_are_the_same_each_time(name: str) -> None:
    assert children(JOBS[name]) == children(JOBS[name])
