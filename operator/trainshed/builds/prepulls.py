"""The Job that has nodes pull a base image while a build pod goes on, as a plain dictionary.

It is nobody's child, and goes by itself. What the scheduler would let the training pods run on, it
lets these run on: their node selector, tolerations and affinity are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.api import labels, security
from trainshed.builds import pods

_SECONDS = 600
"""A node that has not pulled a base by then had better do it for the training pod."""
_KEPT_SECONDS = 60
_RESOURCES = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}
_NAME = "prepull"


def render(
    base: str,
    *,
    namespace: str,
    nodes: int,
    placement: Mapping[str, Any],
    pull_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the Job: at most `nodes` pods, spread over as many nodes as there are."""
    key = json.dumps([base, nodes, placement, list(pull_secrets)], sort_keys=True)
    name = f"{_NAME}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    # Without the label by which our Jobs and pods are watched: nothing of this is waited for.
    marks = {labels.APP_NAME: labels.MANAGER, labels.COMPONENT: _NAME}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        # A pod that finds no further node must not wait for one, nor have one made.
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"batch.kubernetes.io/job-name": name}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": marks},
        "spec": {
            "completionMode": "Indexed",
            "completions": nodes,
            "parallelism": nodes,
            "backoffLimitPerIndex": 0,
            "activeDeadlineSeconds": _SECONDS,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {
                "metadata": {"labels": marks},
                "spec": {
                    **placement,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "imagePullSecrets": [{"name": each} for each in pull_secrets],
                    "securityContext": security.pod(pods.UID),
                    "topologySpreadConstraints": [spread],
                    "containers": [_container(base)],
                },
            },
        },
    }


def _container(base: str) -> dict[str, Any]:
    return {
        "name": _NAME,
        "image": base,
        "imagePullPolicy": "IfNotPresent",
        # What every base has. It has pulled the image by then, whether this runs or not.
        "command": ["python3", "-c", ""],
        "resources": _RESOURCES,
        "securityContext": security.container(),
    }
