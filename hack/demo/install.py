"""Installs the chart into the local cluster, or upgrades it to this working tree."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

NAMESPACE = "trainshed-system"
RELEASE = "trainshed"
SECONDS = 120
TEST_REGISTRIES = ["http://10.244.0.1:5001", "10.244.0.1:5002"]
"""Where the end-to-end tests start registries that refuse."""


def values(info: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart's values for the local cluster."""
    registry = info["registry"]
    tensorflow = f"{registry['pull']}/trainshed/tensorflow:dev"
    return {
        "image": {"ref": images["operator"]},
        "registry": {
            "push": registry["push"],
            "pull": registry["pull"],
            "allowed": TEST_REGISTRIES,
        },
        "images": {
            "pytorch": images["pytorch"],
            "tensorflow": images.get("tensorflow", tensorflow),
        },
    }


def install(
    chart: pathlib.Path, *, helm: str, info: Mapping[str, Any], images: Mapping[str, str]
) -> None:
    """Run helm; its output is shown only when it fails."""
    command = [
        *(helm, "upgrade", RELEASE, str(chart), "--install"),
        *("--kubeconfig", str(info["kubeconfig"])),
        *("--namespace", NAMESPACE, "--create-namespace"),
        # The cluster tests may have created the CRD by themselves.
        "--take-ownership",
        *("--values", "-", "--wait", "--timeout", f"{SECONDS}s"),
    ]
    done = subprocess.run(
        command,
        input=json.dumps(values(info, images)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise InstallFailed(f"helm failed: {said}\n{_log(info)}")


class InstallFailed(Exception):
    """The chart could not be installed; the message has helm's words and the operator's log."""


def _log(info: Mapping[str, Any]) -> str:
    kubectl = info["programs"].get("kubectl") or "kubectl"
    command = [kubectl, "--kubeconfig", str(info["kubeconfig"]), "--namespace", NAMESPACE, "logs"]
    command += ["deployment/trainshed-operator", "--tail", "20"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
