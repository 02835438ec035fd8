"""What kind and its cluster are given: kind's configuration, and Prometheus' objects."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from hack.cluster import devices, documents, prometheus

NAMESPACE = "trainshed-monitoring"
PROMETHEUS_IMAGE = "docker.io/prom/prometheus:v3.5.0"
PROMETHEUS_NODE_PORT = 30090
_PORT = 9090
_LABELS = {"app.kubernetes.io/name": "prometheus"}


def cluster_config(
    *, registries: pathlib.Path, prometheus_port: int, machines: Sequence[devices.Machine]
) -> documents.Document:
    """Return kind's configuration: containerd reads our registries, Prometheus has a port.

    Each of the machines is a worker that passes itself off as one.
    """
    published = {
        "containerPort": PROMETHEUS_NODE_PORT,
        "hostPort": prometheus_port,
        "listenAddress": "127.0.0.1",
    }
    # Without workers kind takes its taint by itself: what asks for no device runs here alone.
    first = {**_node("control-plane", registries, taints=()), "extraPortMappings": [published]}
    workers = [
        {**_node("worker", registries, taints=each.taints), "labels": each.marks}
        for each in machines
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "containerdConfigPatches": [
            '[plugins."io.containerd.grpc.v1.cri".registry]\n'
            '  config_path = "/etc/containerd/certs.d"\n'
        ],
        "nodes": [first, *workers],
    }


def _node(
    role: str, registries: pathlib.Path, *, taints: Sequence[Mapping[str, str]]
) -> documents.Document:
    """Return a node whose kubelet registers it with these taints and no other."""
    patch = {
        "kind": "InitConfiguration" if role == "control-plane" else "JoinConfiguration",
        "nodeRegistration": {"taints": [dict(each) for each in taints]},
    }
    mount = {
        "hostPath": str(registries),
        "containerPath": "/etc/containerd/certs.d",
        "readOnly": True,
    }
    return {
        "role": role,
        "kubeadmConfigPatches": [documents.dump(patch)],
        "extraMounts": [mount],
    }


def prometheus_objects() -> list[documents.Document]:
    """Return everything of the in-cluster Prometheus, the namespace first."""
    config = documents.dump(prometheus.config(discovery=prometheus.in_cluster()))
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("prometheus")},
        *_access(),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _named("prometheus"),
            "data": {"prometheus.yml": config},
        },
        _deployment(fingerprint=hashlib.sha256(config.encode()).hexdigest()[:16]),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _named("prometheus"),
            "spec": {
                "type": "NodePort",
                "selector": _LABELS,
                "ports": [{"port": _PORT, "nodePort": PROMETHEUS_NODE_PORT}],
            },
        },
    ]


def _access() -> list[documents.Document]:
    name = "trainshed-prometheus"
    account = {"kind": "ServiceAccount", "name": "prometheus", "namespace": NAMESPACE}
    api = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}],
        },
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
            "subjects": [account],
        },
    ]


def _deployment(*, fingerprint: str) -> documents.Document:
    container: dict[str, Any] = {
        "name": "prometheus",
        "image": PROMETHEUS_IMAGE,
        "args": [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=1d",
        ],
        "ports": [{"containerPort": _PORT}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": _PORT}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus"}],
    }
    pod = {
        # The pod is replaced when its configuration changes.
        "metadata": {"labels": _LABELS, "annotations": {"trainshed.dev/config": fingerprint}},
        "spec": {
            "serviceAccountName": "prometheus",
            "containers": [container],
            "volumes": [{"name": "config", "configMap": {"name": "prometheus"}}],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _named("prometheus"),
        "spec": {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": pod},
    }


def _named(name: str) -> documents.Document:
    return {"name": name, "namespace": NAMESPACE, "labels": _LABELS}
