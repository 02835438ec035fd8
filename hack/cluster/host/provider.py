"""Puts the host cluster together: what is started when, and what each step waits for."""

from __future__ import annotations

import datetime
import http.client
import os
import pathlib
import sys

import httpx

from hack import apiserver
from hack.cluster import (
    console,
    documents,
    errors,
    images,
    kwok,
    nodes,
    oci,
    packages,
    processes,
    programs,
    registries,
    settings,
    waiting,
)
from hack.cluster.host import (
    addons,
    certificates,
    controlplane,
    kubeconfigs,
    network,
    node,
    plan,
    teardown,
)
from hack.cluster.providers import base

_PROGRAMS = tuple(name for name in programs.PROGRAMS if name != "kwok")
"""kwok is built once fake nodes are asked for: who only wants the demo does not wait for it."""


class Host:
    """Kubernetes as processes of this machine; one for each network namespace."""

    name = "host"

    def __init__(self, cluster: settings.Settings) -> None:
        self._cluster = cluster
        self._supervisor = processes.Supervisor(
            pids=cluster.pids, logs=cluster.logs, mark=str(cluster.state)
        )

    def unavailable(self) -> str | None:
        if not sys.platform.startswith("linux"):
            return "it needs Linux"
        if os.geteuid() != 0:
            return "it needs root, for links, mounts and packet rules: run it by sudo"
        return None

    def check(self, options: base.Options) -> None:
        base.refuse_addresses(options)

    def up(self, options: base.Options, *, shown: console.Console) -> None:
        cluster = self._cluster
        packages.ensure(shown=shown)
        found = programs.ensure(self._wanted(options), cache=cluster.cache, shown=shown)
        cluster.state.mkdir(parents=True, exist_ok=True)
        teardown.remember_shared(cluster)
        network.claim(cluster)
        network.ensure(cluster)
        chosen = plan.choose_ports(cluster, running=self._running, note=shown.note)
        network.ensure_rules(cluster.bridge, api_port=chosen["apiserver"])
        certificates.ensure(cluster.pki)
        node.ensure_cgroup(cluster)
        planned = plan.Plan(cluster=cluster, programs=found, ports=chosen)
        kubeconfigs.person(planned)
        paths = {name: str(path) for name, path in found.items()}
        documents.write(cluster.state / "programs.json", documents.to_json(paths))
        self._start(planned, options, shown=shown)

    def _wanted(self, options: base.Options) -> tuple[str, ...]:
        """Return the programs to have: kwok where it is asked for, or ran when last seen."""
        asked = options.kwok or options.devices
        return (*_PROGRAMS, "kwok") if asked or "kwok" in self._supervisor.names() else _PROGRAMS

    def down(self, *, shown: console.Console) -> tuple[str, ...]:
        teardown.down(self._cluster, supervisor=self._supervisor, shown=shown)
        return ()

    def load(self, image: str, *, shown: console.Console) -> str:
        with shown.step(f"pushing {image} to {settings.REGISTRY}"):
            return images.push(image, to=f"http://{settings.REGISTRY}", pulled_as=settings.REGISTRY)

    def info(self) -> base.Info:
        cluster = self._cluster
        port = plan.recorded_ports(cluster).get("prometheus", plan.WANTED["prometheus"].port)
        address = f"http://{settings.REGISTRY}"
        return base.Info(
            provider=self.name,
            kubeconfig=str(cluster.kubeconfig),
            context=cluster.name,
            registry=base.Registry(push=address, pull=settings.REGISTRY, host=address),
            prometheus=f"http://127.0.0.1:{port}",
            state=str(cluster.state),
            programs=documents.read_json(cluster.state / "programs.json"),
        )

    def logs(self) -> dict[str, pathlib.Path]:
        return {path.stem: path for path in sorted(self._cluster.logs.glob("*.log"))}

    def status(self) -> list[base.Part]:
        rows = []
        for name in self._supervisor.names():
            found = self._supervisor.record(name)
            if found is None:
                rows.append(base.Part(name, "down", f"log: {self._supervisor.log(name)}", ok=False))
            else:
                rows.append(base.Part(name, "up", f"pid {found.pid}, {resident(found.pid)} MiB"))
        return rows + self._nodes()

    def _nodes(self) -> list[base.Part]:
        try:
            items = self._api().get(nodes.PATH)["items"]
        except (OSError, KeyError, httpx.HTTPError, apiserver.Refused) as error:
            return [base.Part("nodes", "unknown", str(error), ok=False)]
        return nodes.parts(items)

    def _start(self, planned: plan.Plan, options: base.Options, *, shown: console.Console) -> None:
        """Start in the order of need; what needs nothing starts while others come up."""
        client = self._api()
        with shown.step("etcd, registry and containerd"):
            self._ensure(controlplane.etcd(planned), shown=shown)
            self._ensure(addons.registry(planned), shown=shown)
            if not self._running("containerd"):
                teardown.forget_dead_shims(self._cluster)
            self._ensure(node.containerd(planned), shown=shown)
            self._until("etcd", "etcd", lambda: _unhealthy(planned.ports["etcd"], "/health"))
        with shown.step("API server") as step:
            self._ensure(controlplane.apiserver(planned), shown=shown)
            self._push_pause(planned)
            self._until("the API server", "apiserver", client.unready, step=step)
        with shown.step("controllers, node and DNS") as step:
            since = None if self._running("kubelet") else datetime.datetime.now(datetime.UTC)
            for component in (
                node.kubelet(planned),
                controlplane.controller_manager(planned),
                controlplane.scheduler(planned),
                node.proxy(planned),
                addons.dns(planned),
                addons.discovery(planned),
                addons.prometheus_server(planned),
            ):
                self._ensure(component, shown=shown)
            addons.apply_dns_objects(client)
            self._await_rest(planned, client, since=since, step=step)
        self._fakes(planned, options, client=client, shown=shown)
        client.http.close()

    def _await_rest(
        self,
        planned: plan.Plan,
        client: apiserver.ApiServer,
        *,
        since: datetime.datetime | None,
        step: console.Step,
    ) -> None:
        port = planned.ports
        self._until(
            f"node {settings.NODE}",
            "kubelet",
            lambda: _node_unready(client, since=since),
            step=step,
        )
        self._until(
            "the default service account",
            "controller-manager",
            lambda: _absent(client, "/api/v1/namespaces/default/serviceaccounts/default"),
            step=step,
        )
        self._until(
            "cluster DNS", "dns", lambda: _unhealthy(port["dns-ready"], "/ready"), step=step
        )
        self._until(
            "kube-proxy", "proxy", lambda: _unhealthy(port["proxy-health"], "/healthz"), step=step
        )
        self._until(
            "Prometheus",
            "prometheus",
            lambda: _unhealthy(port["prometheus"], "/-/ready"),
            step=step,
        )

    def _fakes(
        self,
        planned: plan.Plan,
        options: base.Options,
        *,
        client: apiserver.ApiServer,
        shown: console.Console,
    ) -> None:
        if "kwok" not in planned.programs:
            return
        component = kwok.component(
            self._cluster,
            program=planned.programs["kwok"],
            kubeconfig=kubeconfigs.component(planned, "kwok"),
            port=planned.ports["kwok"],
            lease_seconds=0,
        )
        if component.name in self._supervisor.names():
            self._ensure(component, shown=shown)
        count, machines = options.kwok, options.devices
        kwok.apply(
            self._supervisor, component, client=client, count=count, machines=machines, shown=shown
        )

    def _ensure(self, component: processes.Component, *, shown: console.Console) -> None:
        if self._supervisor.current(component):
            return
        if self._running(component.name):
            shown.note(f"{component.name} runs from an older configuration: restarting it")
        self._supervisor.start(component)

    def _running(self, name: str) -> bool:
        return self._supervisor.record(name) is not None

    def _until(
        self,
        what: str,
        component: str,
        unready: waiting.Condition,
        *,
        step: console.Step | None = None,
    ) -> None:
        """Wait for a component; one that ended by itself is not waited for."""

        def missing() -> str | None:
            found = unready()
            if found is not None and not self._running(component):
                raise errors.ClusterError(self._supervisor.obituary(component))
            return found

        hint = f"its log: {self._supervisor.log(component)}"
        waiting.until(what, missing, seconds=90, step=step, hint=hint)

    def _push_pause(self, planned: plan.Plan) -> None:
        """Push the image that holds each pod's namespaces, once."""
        done = self._cluster.state / "pause.pushed"
        if done.exists():
            return
        self._until(
            "the registry",
            "registry",
            lambda: registries.unready(settings.GATEWAY, port=settings.REGISTRY_PORT),
        )
        image = oci.single_program(planned.programs["pause"], name="pause", user="65535:65535")
        repository, _, tag = settings.PAUSE_IMAGE.partition("/")[2].partition(":")
        oci.push(image, registry=settings.REGISTRY, repository=repository, tag=tag)
        documents.write(done, image.digest)

    def _api(self) -> apiserver.ApiServer:
        return apiserver.ApiServer.from_kubeconfig(self._cluster.kubeconfig)


def resident(pid: int) -> int:
    """Return a process's resident memory in MiB."""
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _node_unready(client: apiserver.ApiServer, *, since: datetime.datetime | None) -> str | None:
    """Return why the node is not Ready; what it said before since does not count."""
    try:
        found = client.find(f"{nodes.PATH}/{settings.NODE}")
    except apiserver.Refused as error:
        return f"the API server answers {error}"
    return "it has not registered" if found is None else nodes.unready(found, since=since)


def _absent(client: apiserver.ApiServer, path: str) -> str | None:
    try:
        return "it does not exist" if client.find(path) is None else None
    except apiserver.Refused as error:
        return f"the API server answers {error}"


def _unhealthy(port: int, path: str) -> str | None:
    """Return why a component's health page is not good yet, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        code = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if code == http.client.OK else f"it answers {code}"
