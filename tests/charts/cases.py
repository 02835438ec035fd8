"""Values that the tests install with: the least, everything on, and some namespaces only."""

from __future__ import annotations

from typing import Any

import yaml

from tests.charts import rendering

LEAST: dict[str, Any] = {"registry": {"pull": "registry.example.com"}}

FULL: dict[str, Any] = {
    "image": {
        "ref": "registry.example.com/trainshed/operator@sha256:" + "a" * 64,
        "pullPolicy": "Always",
        "pullSecrets": [{"name": "regcred"}],
    },
    "registry": {
        "pull": "registry.example.com:5000",
        "push": "https://registry.internal:5443",
        "prefix": "ml/trainshed",
        "allowed": ["ghcr.io", "http://mirror.internal:5000"],
        "credentials": {"secret": "registry-push"},
        "ca": {"secret": "registry-ca", "key": "tls.crt"},
        "bundled": {
            "enabled": True,
            "image": "registry.example.com/registry:2.8",
            "service": {"type": "LoadBalancer", "port": 5000, "tokensPort": 5001},
            "realm": "https://tokens.example.com",
            "storage": {"size": "1Ti", "className": "fast"},
            "gc": {"enabled": True, "olderThanDays": 7},
            "resources": {"requests": {"cpu": 1}, "limits": {"memory": "2Gi"}},
        },
    },
    "images": {
        "pytorch": "registry.example.com:5000/base/pytorch:2.6",
        "tensorflow": "registry.example.com:5000/base/tensorflow:2.21",
        "devel": {
            "pytorch": "registry.example.com:5000/devel/pytorch:2.6",
            "tensorflow": "registry.example.com:5000/devel/tensorflow:2.21",
        },
        "variants": {"cuda": {"pytorch": "registry.example.com:5000/cuda/pytorch:2.6"}},
    },
    "kueue": {"enabled": True},
    "acceleratorClasses": {
        "overrides": {"nvidia-l4": {"price": {"hourly": 0.71, "currency": "USD"}}}
    },
    "placement": {
        "gang": {"by": "coscheduling", "schedulerName": "all-or-none"},
        "topologyKeys": ["kubernetes.io/hostname", "cloud.google.com/gce-topology-block"],
        "pack": False,
        "avoidLabelled": False,
    },
    "builder": {
        "image": "registry.example.com:5000/trainshed/builder:1",
        "serviceAccountName": "builds",
        "withoutTls": ["lab.internal:5000"],
        "resources": {"requests": {"cpu": 2}, "limits": {"memory": "8Gi"}},
        "prePull": {"nodes": 3},
        "dockerfile": {
            "buildkit": {"image": "moby/buildkit:rootless"},
            "buildah": {"image": "registry.example.com:5000/trainshed/buildah:1"},
            "resources": {"requests": {"cpu": 4}, "limits": {"memory": "16Gi"}},
            "storage": "50Gi",
            "hostUsers": False,
        },
        "index": {
            "url": "https://index.example.com/simple",
            "constraints": "numpy<3\n# as tested\n",
            "ca": {"configMap": "index-ca", "key": "root.crt"},
        },
        "packages": {"maxBytes": 17179869184},
    },
    "replicas": 2,
    "workers": 32,
    # Beyond the integers that a careless template prints as 1e+06.
    "writes": {"perSecond": 500, "burst": 2_000_000},
    "buildDeadlineSeconds": 600,
    "startupDeadlineSeconds": 1200,
    "gangDeadlineSeconds": 300,
    "leaderElection": {"leaseSeconds": 30, "renewSeconds": 20, "retrySeconds": 4},
    "metrics": {"finishedJobsRetentionSeconds": 60},
    "serviceAccount": {"annotations": {"example.com/owner": "ml"}},
    "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
    "env": {"PYTHONFAULTHANDLER": "1"},
    "podLabels": {"team": "ml", "app.kubernetes.io/managed-by": "trainshed"},
    "podAnnotations": {"example.com/note": "yes: 1"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "control-plane", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    },
    "monitoring": {
        "annotations": True,
        "podMonitor": {"interval": "5s", "labels": {"release": "prometheus"}},
        "serviceMonitor": {"interval": "5s", "labels": {"release": "prometheus"}},
        "rules": {"labels": {"release": "prometheus"}},
    },
    "dashboards": {
        "namespace": "monitoring",
        "labels": {"grafana_dashboard": "true"},
        "annotations": {"example.com/note": "yes"},
        "folder": "Training",
    },
}

NAMESPACED: dict[str, Any] = {
    **LEAST,
    "namespaces": ["team-a", "team-b"],
    "builder": {
        "dockerfile": {"buildah": {"image": "trainshed/buildah:1"}},
        "networkPolicy": {
            "enabled": True,
            "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 443}]}],
        },
    },
    "crds": {"enabled": False},
    "rbac": {"aggregate": False},
    "acceleratorClasses": {"enabled": False},
    "placement": {"gang": {"by": "none"}},
    "dashboards": {"enabled": False},
}

BUNDLED: dict[str, Any] = {
    "registry": {"pull": "localhost:30500", "bundled": {"enabled": True}},
    "image": {"ref": "registry.example.com/trainshed/operator:1"},
}
"""The three values of the guide."""

GKE = rendering.ROOT / "examples" / "gke"
STANDARD: dict[str, Any] = yaml.safe_load((GKE / "values-standard.yaml").read_text("utf-8"))
AUTOPILOT: dict[str, Any] = yaml.safe_load((GKE / "values-autopilot.yaml").read_text("utf-8"))
"""Those of the guide for GKE."""

CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "least": (LEAST, ()),
    "full": (FULL, rendering.MONITORS),
    "namespaced": (NAMESPACED, rendering.MONITORS),
    "bundled": (BUNDLED, ()),
    "gke": (STANDARD, ()),
}
"""By name: values, and the kinds that the cluster serves besides Kubernetes' own."""
