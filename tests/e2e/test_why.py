"""`trainshed why` of jobs that wait for five different things, on a real cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.e2e import conftest, devices

CLASS = "why-none"
RESOURCE = "gpu.trainshed.example/why"


def why(
    info: conftest.Body, namespace: str, name: str, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "trainshed.cli", "why", name, "-n", namespace, *options]
    command += ["--kubeconfig", info["kubeconfig"]]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def first(info: conftest.Body, namespace: str, name: str) -> dict[str, Any]:
    """Return the first thing that keeps a job from going on."""
    done = why(info, namespace, name, "-o", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["first"]
    return found


def test_five_jobs_that_wait_for_five_things_are_each_told_theirs(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    ready = {
        "framework": "custom",
        "image": {"ref": f"{info['registry']['pull']}/no/such:image"},
        "command": ["true"],
    }
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "none-such"}}
    secret = {
        "volumes": [{"name": "s", "secret": {"secretName": "none-such"}}],
        "volumeMounts": [{"name": "s", "mountPath": "/s"}],
    }
    code = {"source": {"configMap": {"name": "none-such"}}, "framework": "pytorch"}
    waits = {
        "build": (code, "ImageReady", "SourceNotFound", "image"),
        "place": (
            {**ready, "accelerator": {"class": CLASS}},
            "Placed",
            "NoNodeFits",
            "accelerator",
        ),
        "volume": (
            {**ready, "pod": {"volumes": [claim]}},
            "Placed",
            "VolumeUnavailable",
            "node",
        ),
        "pull": (ready, "Running", "ImagePullFailed", "image pull"),
        "mount": ({**ready, "pod": secret}, "Running", "FailedMount", "volumes"),
    }
    with devices.class_(namespace.api, CLASS, RESOURCE):
        for name, (spec, *_) in waits.items():
            namespace.apply(name, spec)
        for name, (_, type_, reason, step) in waits.items():
            namespace.told(name, type_, reason, seconds=90)

            found = first(info, namespace.name, name)

            assert (found["step"], found["mark"], found["reason"]) == (step, "blocked", reason)
            assert found["message"], found
            assert found["todo"], found

    shown = why(info, namespace.name, "pull")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].startswith(f"{namespace.name}/pull  Starting")
    assert "├── ✗ image pull: ImagePullFailed" in [each.rstrip() for each in lines]


def test_a_job_that_does_not_exist_has_no_answer(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    done = why(info, namespace.name, "nobody")

    assert done.returncode == 2
    assert f"there is no TrainingJob nobody in namespace {namespace.name}" in done.stderr
    assert done.stdout == ""
