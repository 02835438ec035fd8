"""Installs the chart into the local cluster, or upgrades it to this working tree."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from hack import apiserver
from hack.cluster import commands, errors, installed

NAMESPACE = "trainshed-system"
RELEASE = "trainshed"
SECONDS = 120
TEST_REGISTRIES = ["http://10.244.0.1:5001", "10.244.0.1:5002"]
"""Where the end-to-end tests start registries that refuse: on the host provider's node."""
OTHER_REGISTRIES = ["10.244.0.1:5003"]
"""And those that build pods alone may call."""

Info = Mapping[str, Any]


class InstallFailed(Exception):
    """The chart can't be installed; the message has helm's words and the operator's log."""


def values(info: Info, images: Mapping[str, str], *, tested: bool) -> dict[str, Any]:
    """Return the chart's values for the local cluster; `tested`: for the end-to-end tests."""
    registry = info["registry"]
    names = ("tensorflow", "builder", "buildah", "pytorch-devel")
    tensorflow, builder, buildah, devel = (
        f"{registry['pull']}/trainshed/{name}:dev" for name in names
    )
    here = tested and info["provider"] == "host"
    allowed, elsewhere = (TEST_REGISTRIES, OTHER_REGISTRIES) if here else ([], [])
    return {
        "image": {"ref": images["operator"]},
        "registry": {"push": registry["push"], "pull": registry["pull"], "allowed": allowed},
        "images": {
            "pytorch": images["pytorch"],
            "tensorflow": images.get("tensorflow", tensorflow),
            # Like what builds Dockerfiles: a first demo compiles nothing.
            "devel": {"pytorch": images.get("pytorch-devel", devel if tested else "")},
        },
        "builder": {
            "image": images.get("builder", builder),
            "withoutTls": elsewhere,
            # A first demo builds no Dockerfile, and waits for no image that would.
            "dockerfile": {"buildah": {"image": images.get("buildah", buildah if tested else "")}},
        },
        # Its tests bring Kueue; without it, nothing is watched.
        "kueue": {"enabled": tested},
        # For a Prometheus of the Prometheus Operator: the demo's job is over within a minute.
        "monitoring": {"podMonitor": {"interval": "1s"}},
    }


def usable(info: Info, *, prometheus: bool) -> None:
    """Raise where an existing cluster's registry, or its Prometheus, was not named."""
    wanted = {"registry": info["registry"]["host"]}
    if prometheus:
        wanted["prometheus"] = info["prometheus"]
    if missing := [f"--{name} URL" for name, url in wanted.items() if not url]:
        raise InstallFailed(
            f"the cluster lacks what was not named: run `python -m hack.cluster up "
            f"{' '.join(missing)}`, then this again"
        )


def claim(
    api: apiserver.ApiServer,
    info: Info,
    *,
    helm: str,
    namespaces: Sequence[str],
    run: commands.Runner = commands.run,
) -> None:
    """Remember what will be made in a cluster that stays; raise where it is somebody else's."""
    state = pathlib.Path(info["state"])
    known = installed.recorded(state)
    if known is None and _is_there(info, helm=helm, run=run):
        raise InstallFailed(
            f"there is a release {RELEASE} in {NAMESPACE} that the demo did not install, and it "
            "would be changed: use another cluster, or uninstall that one first"
        )
    absent = {each for each in namespaces if api.find(f"/api/v1/namespaces/{each}") is None}
    made = absent | set(known.made if known else ())
    installed.record(state, installed.Installed(helm, RELEASE, NAMESPACE, tuple(sorted(made))))


def install(
    chart: pathlib.Path,
    values: Mapping[str, Any],
    *,
    helm: str,
    info: Info,
    run: commands.Runner = commands.run,
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
    try:
        run(command, text=json.dumps(values))
    except errors.CommandFailed as error:
        raise InstallFailed(f"helm failed: {error}\n{_log(info, run=run)}") from None


def _is_there(info: Info, *, helm: str, run: commands.Runner) -> bool:
    place = ("--namespace", NAMESPACE, "--kubeconfig", str(info["kubeconfig"]))
    try:
        run([helm, "status", RELEASE, *place])
    except errors.CommandFailed:
        return False
    return True


def _log(info: Info, *, run: commands.Runner) -> str:
    kubectl = info["programs"].get("kubectl") or "kubectl"
    command = [kubectl, "--kubeconfig", str(info["kubeconfig"]), "--namespace", NAMESPACE, "logs"]
    try:
        return run([*command, "deployment/trainshed-operator", "--tail", "20"])
    except errors.ClusterError:
        return ""
