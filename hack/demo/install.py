"""Installs the chart into the local cluster, or upgrades it to this working tree."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

NAMESPACE = "trainshed-system"
RELEASE = "trainshed"
SECONDS = 180


def values(info: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart's values for the local cluster."""
    registry = info["registry"]
    return {
        "image": {"ref": images["operator"]},
        "registry": {"push": registry["push"], "pull": registry["pull"]},
        "images": {"pytorch": images["pytorch"]},
    }


def install(
    chart: pathlib.Path, *, helm: str, info: Mapping[str, Any], images: Mapping[str, str]
) -> None:
    """Run helm; its output is shown only when it fails."""
    command = [
        *(helm, "upgrade", RELEASE, str(chart), "--install"),
        *("--kubeconfig", str(info["kubeconfig"])),
        *("--namespace", NAMESPACE, "--create-namespace"),
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
        raise RuntimeError(f"helm failed: {done.stderr.strip() or done.stdout.strip()}")
