"""A control plane that places gangs, with nodes of kwok and an operator: processes of a test.

The local cluster has none of its gates on, so that it is as most clusters are. No kubelet is here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import pathlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

from hack import apiserver
from hack.cluster import (
    console,
    documents,
    errors,
    fakes,
    kwok,
    nodes,
    processes,
    programs,
    settings,
    waiting,
)
from hack.cluster.host import certificates, controlplane, kubeconfigs, plan
from tests.cluster import conftest
from trainshed.api import crd

Body = dict[str, Any]
GATES = "--feature-gates=GenericWorkload=true,GangScheduling=true"
OF_JOBS = f"{GATES},WorkloadWithJob=true"
"""Has the Job controller make a group itself where a Job of several pods names none."""
SERVED = "--runtime-config=scheduling.k8s.io/v1alpha2=true"
GROUPS = "/apis/scheduling.k8s.io/v1alpha2/namespaces/{}/podgroups"
WORKLOADS = "/apis/scheduling.k8s.io/v1alpha2/namespaces/{}/workloads"
CLASSES = "/apis/trainshed.dev/v1alpha1/acceleratorclasses"
NAMESPACES = "/api/v1/namespaces"
RESOURCE = "gpu.trainshed.example/gang"
CLASS = "gang-gpu"
_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
_HOST = "127.0.0.1"
_NOWHERE = "192.0.2.1"
"""Where no trainer pushes to: an address of an EndpointSlice may not be on loopback."""
_OWN = "trainshed-system"
_SECONDS = 90.0


class _Plan(plan.Plan):
    """A plan of which all is on loopback: the bridge is the local cluster's."""

    @property
    def server(self) -> str:
        return f"https://{_HOST}:{self.ports['apiserver']}"


@dataclasses.dataclass(frozen=True)
class Rig:
    """What runs."""

    api: apiserver.ApiServer
    planned: plan.Plan
    supervisor: processes.Supervisor


@contextlib.contextmanager
def running(folder: pathlib.Path) -> Iterator[Rig]:
    """Run a control plane whose gates for gangs are on, and kwok."""
    cluster = settings.Settings(name="gangs", state=folder, cache=settings.cache())
    found = programs.ensure(_PROGRAMS, cache=cluster.cache, shown=console.Console())
    certificates.ensure(cluster.pki)
    named = ("etcd", "etcd-peer", "apiserver", "controller-manager", "scheduler", "kwok", "metrics")
    ports = dict(zip((*named, "progress"), _free_ports(len(named) + 1), strict=True))
    planned = _Plan(cluster=cluster, programs=found, ports=ports)
    supervisor = processes.Supervisor(pids=cluster.pids, logs=cluster.logs, mark=str(folder))
    api = apiserver.ApiServer.from_kubeconfig(kubeconfigs.person(planned))
    rig = Rig(api, planned, supervisor)
    try:
        _start(rig)
        yield rig
    finally:
        api.http.close()
        for name in supervisor.names():
            supervisor.stop(name, grace=0)


@contextlib.contextmanager
def job_controller_without_groups(rig: Rig) -> Iterator[None]:
    """Have the Job controller make no groups itself."""
    _controllers(rig, GATES)
    try:
        yield
    finally:
        _controllers(rig, OF_JOBS)


@contextlib.contextmanager
def operator(rig: Rig, **placement: Any) -> Iterator[None]:
    """Run this tree's operator, with these settings of placement."""
    ports = rig.planned.ports
    document = {
        "metrics": {"port": ports["metrics"]},
        "progress": {"port": ports["progress"]},
        "trainerLibrary": str(conftest.ROOT / "images" / "trainer"),
        "placement": placement,
    }
    config = documents.write_yaml(rig.planned.cluster.config / "operator.yaml", document)
    kubeconfig = rig.planned.cluster.kubeconfig
    argv = (sys.executable, "-m", "trainshed", f"--config={config}", f"--kubeconfig={kubeconfig}")
    names = {"POD_NAMESPACE": _OWN, "POD_NAME": "operator-0", "POD_IP": _NOWHERE}
    rig.supervisor.start(processes.Component("operator", argv, (config,), environment=names))
    try:
        _until(rig, "operator", lambda: _unready(ports["metrics"]))
        yield
    finally:
        rig.supervisor.stop("operator")


@contextlib.contextmanager
def devices(api: apiserver.ApiServer, count: int) -> Iterator[None]:
    """Have so many nodes of one device each."""
    made = [fakes.node(index) for index in range(count)]
    for body in made:
        room = {**body["status"]["allocatable"], RESOURCE: "1"}
        api.create(nodes.PATH, {**body, "status": {"capacity": room, "allocatable": room}})
    try:
        for body in made:
            name = body["metadata"]["name"]
            api.wait(nodes.PATH, name, nodes.is_ready, what=f"node {name}", seconds=60)
        yield
    finally:
        for body in made:
            api.delete(f"{nodes.PATH}/{body['metadata']['name']}")


def gang(name: str) -> Body:
    """Return a TrainingJob of two pods with a device each, which hold them until they are gone."""
    return {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": name},
        "spec": {
            "framework": "custom",
            "image": {"ref": "registry.example/held:1"},
            "command": ["true"],
            "replicas": 2,
            "accelerator": {"class": CLASS, "count": 1},
            "resources": {"cpu": "500m", "memory": "1Gi"},
            "pod": {"nodeSelector": {fakes.HOLD: "hold"}},
        },
    }


def _start(rig: Rig) -> None:
    planned, start = rig.planned, rig.supervisor.start
    start(controlplane.etcd(planned))
    # The last of several flags counts.
    start(_with(controlplane.apiserver(planned), OF_JOBS, SERVED, f"--bind-address={_HOST}"))
    _until(rig, "apiserver", rig.api.unready)
    _controllers(rig, OF_JOBS)
    start(_with(controlplane.scheduler(planned), GATES))
    login = kubeconfigs.component(planned, "kwok")
    program, port = planned.programs["kwok"], planned.ports["kwok"]
    start(kwok.component(planned.cluster, program=program, kubeconfig=login, port=port))
    _install(rig.api)


def _controllers(rig: Rig, gates: str) -> None:
    """Run the controller manager with these gates, in place of one that runs."""
    rig.supervisor.start(_with(controlplane.controller_manager(rig.planned), gates))


def _with(component: processes.Component, *flags: str) -> processes.Component:
    return dataclasses.replace(component, argv=(*component.argv, *flags))


def _install(api: apiserver.ApiServer) -> None:
    for document in crd.documents().values():
        name = document["metadata"]["name"]
        api.create(conftest.CRDS, document)
        api.wait(conftest.CRDS, name, conftest.is_established, what=f"the CRD {name}", seconds=30)
    api.create(NAMESPACES, {"metadata": {"name": _OWN}})
    tolerations = [{"key": fakes.ANNOTATION, "operator": "Exists"}]
    body = {
        "apiVersion": "trainshed.dev/v1alpha1",
        "kind": "AcceleratorClass",
        "metadata": {"name": CLASS},
        "spec": {
            "type": "gpu",
            "match": {"resourcePattern": RESOURCE.replace(".", r"\.")},
            "tolerations": tolerations,
        },
    }
    api.create(CLASSES, body)


def _until(rig: Rig, component: str, unready: waiting.Condition) -> None:
    """Wait until a component is ready; one that ended by itself is not waited for."""

    def missing() -> str | None:
        if (found := unready()) is not None and rig.supervisor.record(component) is None:
            raise errors.ClusterError(rig.supervisor.obituary(component))
        return found

    waiting.until(
        component, missing, seconds=_SECONDS, hint=f"its log: {rig.supervisor.log(component)}"
    )


def _unready(port: int) -> str | None:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return None if answer.status == http.client.OK else answer.read().decode()
    except OSError as error:
        return str(error)
    finally:
        connection.close()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_HOST, 0))
        return [each.getsockname()[1] for each in sockets]
