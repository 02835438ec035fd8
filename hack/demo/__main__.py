"""`python -m hack.demo [--prepare]`: the whole way, from nothing to a figure in Prometheus."""

from __future__ import annotations

import datetime
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

from hack import apiserver
from hack.demo import install, lanes, show, throughput

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "digits-cnn.yaml"
NAMESPACE = "trainshed-demo"
JOB_SECONDS = 600
AGREEMENT = 0.05
DEMO_IMAGES = ("base", "operator", "pytorch")
"""A first demo waits for no other framework."""
ACCURACY = 0.95

_console = rich.console.Console(highlight=False)


def say(text: str) -> None:
    """Print one line at once, without wrapping or markup."""
    _console.print(text, markup=False, soft_wrap=True)


def main(prepare: bool = typer.Option(False, help="Stop when the operator is installed.")) -> None:
    """Bring up a cluster, install the chart, train a CNN, and compare its throughput."""
    started = time.monotonic()
    try:
        info = prepared(() if prepare else DEMO_IMAGES)
    except (lanes.LaneFailed, install.InstallFailed, subprocess.CalledProcessError) as error:
        say(f"demo: {error}")
        raise typer.Exit(1) from error
    say(f"demo: ready after {time.monotonic() - started:.1f} s")
    if prepare:
        return
    api = apiserver.ApiServer.from_kubeconfig(info["kubeconfig"])
    try:
        held = demonstrate(api, info)
    except (TimeoutError, apiserver.Refused, httpx.HTTPError) as error:
        say(f"demo: {error}")
        raise typer.Exit(1) from error
    raise typer.Exit(0 if held else 1)


def prepared(images: Sequence[str]) -> dict[str, Any]:
    """Return the cluster's particulars once the operator runs in it; no image named: all."""
    python = sys.executable
    lanes.run(
        {
            "cluster": [python, "-m", "hack.cluster", "up"],
            "images": [python, "-m", "hack.images", "build", *images],
        },
        say,
    )
    info: dict[str, Any] = json.loads(_output(python, "-m", "hack.cluster", "info", "-o", "json"))
    host = info["registry"]["host"]
    pushed = _output(python, "-m", "hack.images", "push", *images, "--registry", host)
    say("chart   | helm upgrade --install trainshed charts/trainshed")
    helm = info["programs"].get("helm") or "helm"
    found = by_digest(pushed, pull=info["registry"]["pull"])
    install.install(ROOT / "charts" / "trainshed", helm=helm, info=info, images=found)
    return info


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
    manifest = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    name = manifest["metadata"]["name"]
    api.delete(f"{collection}/{name}", propagationPolicy="Foreground")
    api.wait_gone(collection, name, what="the job of an earlier demo to go", seconds=60)
    say(f"job     | kubectl apply -n {NAMESPACE} -f {EXAMPLE.relative_to(ROOT)}")
    applied = time.time()
    api.create(collection, manifest)
    job = show.follow(api, collection, name, seconds=JOB_SECONDS, say=say)
    _how_to_look(info)
    return _verdict(job, info, applied)


def _verdict(job: dict[str, Any], info: dict[str, Any], applied: float) -> bool:
    status = job["status"]
    result = status.get("result") or {}
    told = float(result.get("samplesPerSecond") or 0)
    try:
        scraped = throughput.from_prometheus(
            info["prometheus"], namespace=NAMESPACE, job=job["metadata"]["name"], since=applied
        )
    except throughput.NoData as error:
        say(f"demo: {error}")
        scraped = 0.0
    accuracy = float(result.get("accuracy") or 0)
    agree = told > 0 and abs(scraped / told - 1) <= AGREEMENT
    if status["phase"] == "Failed":
        say(f"demo: {json.dumps(status.get('failure'))}")
    if not agree:
        say("demo: the two figures differ by more than 5 %")
    if accuracy <= ACCURACY:
        say(f"demo: accuracy {accuracy} is not above {ACCURACY}")
    say(
        f"demo: {status['phase']}, {told:.1f} samples/s in status, "
        f"{scraped:.1f} samples/s in Prometheus, "
        f"apply to first step {_first_step(status, applied):.1f} s"
    )
    return status["phase"] == "Succeeded" and agree and accuracy > ACCURACY


def _first_step(status: dict[str, Any], applied: float) -> float:
    """Return the seconds from our own apply to the end of the first step."""
    timeline = status.get("timeline") or {}
    if timeline.get("toFirstStep") is None:
        return float("nan")
    since = datetime.datetime.fromisoformat(timeline["since"]).timestamp()
    return since + float(timeline["toFirstStep"]) - applied


def _how_to_look(info: dict[str, Any]) -> None:
    say("")
    say(f"look    | kubectl --kubeconfig {info['kubeconfig']} get tj -n {NAMESPACE} -o wide")
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
