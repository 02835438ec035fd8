"""`python -m hack.demo [--prepare]`: the whole way, from nothing to a figure in Prometheus."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx
import rich.console
import typer
import yaml

from hack import apiserver, identities
from hack.cluster import console, errors, programs, settings
from hack.demo import install, lanes, lengths, show, throughput, verdict

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits-cnn.yaml"
NAMESPACE = "trainshed-demo"
JOB_SECONDS = 600
DEMO_IMAGES = ("base", "operator", "builder", "pytorch")
"""A first demo waits for no other framework."""
FAILURES = (
    lanes.LaneFailed,
    install.InstallFailed,
    errors.ClusterError,
    identities.Unusable,
    apiserver.Refused,
    httpx.HTTPError,
    subprocess.CalledProcessError,
    OSError,
)
"""What ends the demo in a sentence; a wait that ran out is an OSError too."""

_console = rich.console.Console(highlight=False)


def say(text: str) -> None:
    """Print one line at once, without wrapping or markup."""
    _console.print(text, markup=False, soft_wrap=True)


def main(prepare: bool = typer.Option(False, help="Stop when the operator is installed.")) -> None:
    """Bring up a cluster, install the chart, train a CNN, and compare its throughput."""
    try:
        held = _run(prepare=prepare)
    except FAILURES as error:
        say(f"demo: {error}")
        raise typer.Exit(1) from error
    raise typer.Exit(0 if held else 1)


def _run(*, prepare: bool) -> bool:
    started = time.monotonic()
    python = sys.executable
    images = () if prepare else DEMO_IMAGES
    lanes.run(
        {
            "cluster": [python, "-m", "hack.cluster", "up"],
            "images": [python, "-m", "hack.images", "build", *images],
        },
        say,
    )
    info: dict[str, Any] = json.loads(_output(python, "-m", "hack.cluster", "info", "-o", "json"))
    install.usable(info, prometheus=not prepare)
    api = apiserver.ApiServer.from_kubeconfig(info["kubeconfig"])
    _install(api, info, images, tested=prepare)
    say(f"demo: ready after {time.monotonic() - started:.1f} s")
    return prepare or demonstrate(api, info)


def _install(
    api: apiserver.ApiServer, info: dict[str, Any], images: Sequence[str], *, tested: bool
) -> None:
    """Push the images, all where none is named, and install the chart with them."""
    helm = str(programs.ensure(["helm"], cache=settings.cache(), shown=console.Console())["helm"])
    if info["provider"] == "existing":
        install.claim(api, info, helm=helm, namespaces=(install.NAMESPACE, NAMESPACE))
    host = info["registry"]["host"]
    pushed = _output(sys.executable, "-m", "hack.images", "push", *images, "--registry", host)
    say("chart   | helm upgrade --install trainshed charts/trainshed")
    found = by_digest(pushed, pull=info["registry"]["pull"])
    values = install.values(info, found, tested=tested)
    install.install(ROOT / "charts" / "trainshed", values, helm=helm, info=info)


def by_digest(pushed: str, *, pull: str) -> dict[str, str]:
    """Return the pushed images by their short names, as nodes pull them: by digest."""
    found = {}
    for line in pushed.splitlines():
        name, _, digest = line.partition("@")
        repository = name.partition("/")[2].rpartition(":")[0]
        found[repository.rpartition("/")[2]] = f"{pull}/{repository}@{digest}"
    return found


def demonstrate(api: apiserver.ApiServer, info: dict[str, Any]) -> bool:
    """Run the example and print the demo's last line; return whether all of it held."""
    _namespace(api)
    collection = apiserver.TRAINING_JOBS.format(namespace=NAMESPACE)
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    earlier = api.find(f"{collection}/{example['metadata']['name']}")
    applied, job = _trained(api, collection, lengths.fitted(example, earlier))
    if lengths.short(job):
        seconds = verdict.trained(job["status"])
        say(f"job     | it trained for {seconds:.1f} s, too short for a figure: once more, longer")
        applied, job = _trained(api, collection, lengths.fitted(example, job))
    _how_to_look(info)
    found = verdict.judge(job["status"], _scraped(info, job, since=applied), applied=applied)
    for line in found.lines:
        say(line)
    return found.held


def _trained(
    api: apiserver.ApiServer, collection: str, wanted: dict[str, Any]
) -> tuple[float, dict[str, Any]]:
    """Run a job and return when it was applied, in Unix seconds, and how it ended."""
    name = wanted["metadata"]["name"]
    api.delete(f"{collection}/{name}", propagationPolicy="Foreground")
    api.wait_gone(collection, name, what="the job of an earlier demo to go", seconds=60)
    epochs = wanted["spec"]["training"]["epochs"]
    said = f"kubectl apply -n {NAMESPACE} -f {EXAMPLE.relative_to(ROOT)}"
    say(f"job     | {said} (training.epochs: {epochs})")
    applied = time.time()
    api.create(collection, wanted)
    return applied, show.follow(api, collection, name, seconds=JOB_SECONDS, say=say)


def _scraped(
    info: dict[str, Any], job: dict[str, Any], *, since: float
) -> throughput.Scraped | None:
    name = job["metadata"]["name"]
    try:
        return throughput.from_prometheus(
            info["prometheus"], namespace=NAMESPACE, job=name, since=since
        )
    except throughput.NoData:
        return None


def _how_to_look(info: dict[str, Any]) -> None:
    say("")
    say(f"look    | kubectl --kubeconfig {info['kubeconfig']} get tj -n {NAMESPACE} -o wide")
    say(f"look    | kubectl --kubeconfig {info['kubeconfig']} get acceleratorclasses")
    say(f"look    | Prometheus: {info['prometheus']}")
    say("look    | Grafana: import charts/trainshed/dashboards/trainingjob.json, with that")
    say(
        "look    |   Prometheus as data source; Grafana's sidecar finds it by the chart's ConfigMap"
    )
    say("")


def _namespace(api: apiserver.ApiServer) -> None:
    if api.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body = {"metadata": {"name": NAMESPACE, "labels": labels}}
        api.create("/api/v1/namespaces", body)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    typer.run(main)
