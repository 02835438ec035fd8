"""`trainshed render --build` by the installed operator's settings, against what is then built."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import yaml

from tests import git_server
from tests.e2e import conftest, test_git_sources

NOWHERE = {"nodeSelector": {"trainshed.dev/none-such": "x"}}


def rendered(info: conftest.Body, namespace: str, spec: conftest.Body) -> dict[str, Any]:
    """Return what the command says of a job, by the settings in the cluster."""
    body = {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "shown", "namespace": namespace},
        "spec": spec,
    }
    command = [sys.executable, "-m", "trainshed.cli", "render", "--build", "-", "-o", "json"]
    command += ["--kubeconfig", info["kubeconfig"], "--registry", info["registry"]["host"]]
    command += ["--library", str(conftest.ROOT / "images" / "trainer")]
    done = subprocess.run(
        command, input=yaml.safe_dump(body), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_key_and_the_order_are_those_of_what_is_built(
    namespace: conftest.Namespace, info: conftest.Body, tmp_path: pathlib.Path
) -> None:
    host = str(info["registry"]["pull"].partition(":")[0])
    inline = {**conftest.script(f"print('{namespace.name}')"), "pod": NOWHERE}
    shown = rendered(info, namespace.name, inline)
    namespace.apply("inline", inline)
    status = namespace.until("inline", lambda status: "image" in status, what="an image")
    assert status["image"]["key"] == shown["key"]
    assert status["image"]["baseDigest"] == shown["baseDigest"]
    assert status["image"]["ref"].partition("@")[0] == shown["repository"]

    with git_server.serve(tmp_path / "served", host=host) as server:
        commit = server.repository("code").commit({"train.py": "print(1)"})
        spec = {**test_git_sources.job(f"{server.url}/code/.git", commit), "pod": NOWHERE}
        shown = rendered(info, namespace.name, spec)
        namespace.apply("git", spec)
        namespace.until("git", lambda status: "image" in status, what="an image")

    (build,) = test_git_sources.builds(namespace)
    assert build["metadata"]["labels"]["trainshed.dev/build"] == shown["order"]
    told, made = (
        each["spec"]["template"]["metadata"]["annotations"] for each in (shown["buildJob"], build)
    )
    assert json.loads(told["trainshed.dev/order"]) == json.loads(made["trainshed.dev/order"])
