"""Runs Kueue's manager as a process of this machine, for as long as it is needed."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import pathlib
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

from hack import apiserver
from hack.cluster import documents, errors, waiting
from hack.cluster.host import certificates
from hack.kueue import objects, programs

Body = dict[str, Any]
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
_KINDS = {
    "MutatingWebhookConfiguration": _WEBHOOKS.format("mutating"),
    "ValidatingWebhookConfiguration": _WEBHOOKS.format("validating"),
}
_HOST = "127.0.0.1"
_SECONDS = 120.0


def install(api: apiserver.ApiServer) -> None:
    """Have the API server serve Kueue's kinds; they stay, since operators may watch them."""
    for body in objects.definitions(objects.folder()):
        name = body["metadata"]["name"]
        if api.find(f"{_CRDS}/{name}") is None:
            api.create(_CRDS, body)
        api.wait(_CRDS, name, _established, what=f"{name} to be served", seconds=60)


@contextlib.contextmanager
def running(api: apiserver.ApiServer, kubeconfig: str, folder: pathlib.Path) -> Iterator[None]:
    """Run the manager, whose files go to `folder`; its log is manager.log there."""
    program = programs.manager()
    key, authority = certificates.authority(folder)
    serving = certificates.Identity("tls", "kueue", hosts=(_HOST,))
    certificates.issue(serving, folder=folder, issuer=authority, signer=key)
    health, webhooks = _free_ports(2)
    config = documents.write_yaml(
        folder / "config.yaml", _configuration(folder, health=health, webhooks=webhooks)
    )
    log = folder / "manager.log"
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        argv = [*_with_certificates(folder), str(program), "--config", str(config)]
        argv.append("--feature-gates=VisibilityOnDemand=false")
        process = subprocess.Popen(
            argv,
            env={**os.environ, "KUBECONFIG": kubeconfig},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        stack.callback(_end, process)
        waiting.until(
            "Kueue to be ready",
            lambda: _unready(process, health, log),
            seconds=_SECONDS,
        )
        # Registered first: whatever fails from here on, the cluster is left without them.
        stack.callback(_withdraw, api)
        ca_bundle = base64.b64encode((folder / "ca.crt").read_bytes()).decode()
        address = f"{_HOST}:{webhooks}"
        for body in objects.webhooks(objects.folder(), address=address, ca_bundle=ca_bundle):
            path = _KINDS[body["kind"]]
            api.delete(f"{path}/{objects.NAME}")
            api.create(path, body)
        yield


def _with_certificates(folder: pathlib.Path) -> list[str]:
    """Return what a command begins with that finds its certificates where Kueue has them fixed.

    It has an /etc of its own, which goes with it: this machine's is left as it is.
    """
    place = "/etc/kueue/metrics"
    made = f'mount -t tmpfs none /etc && mkdir -p {place} && ln -s "$0" {place}/certs'
    script = f'{made} && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(folder)]


def _configuration(folder: pathlib.Path, *, health: int, webhooks: int) -> Body:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"{_HOST}:{health}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": _HOST, "port": webhooks, "certDir": str(folder)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "manageJobsWithoutQueueName": True,
        "managedJobsNamespaceSelector": {"matchLabels": objects.MANAGED},
        "integrations": {"frameworks": ["batch/job"]},
    }


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def _unready(process: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> str | None:
    code = process.poll()
    if code is not None:
        raise errors.ClusterError(f"Kueue ended with code {code}; its log: {log}")
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answered = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if answered == http.client.OK else f"it answers {answered}"


def _withdraw(api: apiserver.ApiServer) -> None:
    for path in _KINDS.values():
        api.delete(f"{path}/{objects.NAME}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _established(body: Body) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
