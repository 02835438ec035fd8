"""Tells Prometheus which pods to scrape: watches the node's pods, writes its target files.

Debian's Prometheus is built without Kubernetes service discovery, so this stands in for it,
with the labels and rules of `hack.cluster.prometheus`. Runs as a process of the host cluster:
`python -m hack.cluster.host.discovery KUBECONFIG FOLDER`.
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from hack import apiserver
from hack.cluster import documents, prometheus, settings

_PODS = "/api/v1/pods"
_OURS = f"spec.nodeName={settings.NODE}"
_FINISHED = ("Succeeded", "Failed")
_PAUSE_SECONDS = 1.0

Pod = Mapping[str, Any]


def targets(pods: Iterable[Pod]) -> dict[str, list[documents.Document]]:
    """Return the targets of each scrape job, in a stable order."""
    found: dict[str, list[documents.Document]] = {job: [] for job in prometheus.JOBS}
    for pod in sorted(pods, key=_sort_key):
        job = scrape_job(pod["metadata"].get("labels", {}))
        address = metrics_address(pod)
        if job is not None and address is not None:
            found[job].append({"targets": [address], "labels": labels(pod)})
    return found


def scrape_job(carried: Mapping[str, str]) -> str | None:
    """Return the job that scrapes a pod with these labels, if any."""
    if carried.get("app.kubernetes.io/managed-by") == "trainshed":
        return prometheus.TRAINER_JOB
    if carried.get("app.kubernetes.io/name") == "trainshed":
        return prometheus.OPERATOR_JOB
    return None


def metrics_address(pod: Pod) -> str | None:
    """Return where a pod that still runs serves its port called metrics."""
    status = pod.get("status", {})
    address = status.get("podIP")
    if not address or status.get("phase") in _FINISHED:
        return None
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", ()):
            if port.get("name") == "metrics":
                return f"{address}:{port['containerPort']}"
    return None


def labels(pod: Pod) -> dict[str, str]:
    return {
        "namespace": pod["metadata"]["namespace"],
        "pod": pod["metadata"]["name"],
        "node": pod["spec"].get("nodeName", ""),
    }


def _sort_key(pod: Pod) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def write(pods: Iterable[Pod], *, folder: pathlib.Path) -> None:
    """Write one file for each job; Prometheus sees the change at once."""
    for job, found in targets(pods).items():
        documents.write(folder / f"{job}.json", documents.to_json(found))


def follow(client: apiserver.ApiServer, *, folder: pathlib.Path) -> None:
    """List the node's pods, then keep the files true until the server ends the watch."""
    listed = client.get(_PODS, fieldSelector=_OURS)
    known = {pod["metadata"]["uid"]: pod for pod in listed["items"]}
    write(known.values(), folder=folder)
    version = listed["metadata"]["resourceVersion"]
    watch = client.watch(_PODS, fieldSelector=_OURS, timeoutSeconds="300", resourceVersion=version)
    with contextlib.closing(watch) as events:
        for pod, kind in events:
            if kind == "ERROR":
                return
            if kind == "DELETED":
                known.pop(pod["metadata"]["uid"], None)
            else:
                known[pod["metadata"]["uid"]] = pod
            write(known.values(), folder=folder)


def main(arguments: list[str]) -> None:
    """Follow for ever: a server that restarts is found again."""
    kubeconfig, folder = arguments
    while True:
        client = apiserver.ApiServer.from_kubeconfig(kubeconfig)
        try:
            follow(client, folder=pathlib.Path(folder))
        except (OSError, httpx.HTTPError, ValueError, apiserver.Refused) as error:
            sys.stderr.write(f"watching again: {type(error).__name__}: {error}\n")
            time.sleep(_PAUSE_SECONDS)
        finally:
            client.http.close()


if __name__ == "__main__":
    main(sys.argv[1:])
