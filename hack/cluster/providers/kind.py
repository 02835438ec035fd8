"""The provider kind: nodes as containers, where Docker may run privileged ones.

One node does the work. The others show devices that they do not have, so that placement can be
tried; what they are is said in one place for all providers.

The registry is a container on kind's network: pods and nodes know it by its name, this
machine by a loopback port. Prometheus runs in the cluster behind a node port.
"""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Sequence

from hack import apiserver
from hack.cluster import (
    commands,
    console,
    devices,
    documents,
    errors,
    images,
    kwok,
    nodes,
    ports,
    processes,
    programs,
    settings,
)
from hack.cluster.providers import base, kind_manifests, kind_nodes

REGISTRY_IMAGE = "docker.io/library/registry:2"
NODE_IMAGE = (
    "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
)
NETWORK = "kind"
"""The name that kind itself gives to the network of all its clusters."""
_PROBE_SECONDS = 120
_PULL_SECONDS = 600


class Kind:
    """One kind cluster."""

    name = "kind"

    def __init__(self, cluster: settings.Settings, *, run: commands.Runner = commands.run) -> None:
        self._cluster = cluster
        self._run = run
        self._nodes = kind_nodes.Nodes(cluster, run=run)
        self._supervisor = processes.Supervisor(
            pids=cluster.pids, logs=cluster.logs, mark=str(cluster.state)
        )

    @property
    def registry(self) -> str:
        """The registry container's name."""
        return f"{self._cluster.name}-registry"

    def unavailable(self) -> str | None:
        """Try for real what kind needs: its node image, and a privileged container of it.

        The image is pulled here: where it can't be had, another provider can still be chosen.
        """
        for program in ("kind", "docker", "kubectl"):
            if shutil.which(program) is None:
                return f"{program} is not on the PATH"
        try:
            self._run(["docker", "info"], seconds=15)
            if not self._found("image", NODE_IMAGE):
                self._run(["docker", "pull", "--quiet", NODE_IMAGE], seconds=_PULL_SECONDS)
            self._run(
                ["docker", "run", "--rm", "--privileged", "--entrypoint=true", NODE_IMAGE],
                seconds=_PROBE_SECONDS,
            )
        except errors.ClusterError as error:
            return str(error)
        return None

    def check(self, options: base.Options) -> None:
        base.refuse_addresses(options)
        asked = options.devices
        if asked is not None and self._exists() and asked != bool(self._nodes.workers()):
            raise errors.ClusterError(
                "kind makes its nodes with the cluster: run `down`, then `up "
                f"--{'' if asked else 'no-'}devices`"
            )

    def up(self, options: base.Options, *, shown: console.Console) -> None:
        exists = self._exists()
        chosen = self._ports(running=exists, shown=shown)
        self._trust_registry()
        if not exists:
            with shown.step("creating the kind cluster"):
                self._create(chosen, machines=() if options.devices is False else devices.MACHINES)
        with shown.step("nodes and API server") as step:
            self._nodes.start(step=step)
            self._nodes.give_devices()
        with shown.step("registry and Prometheus"):
            self._start_registry(chosen)
            manifests = documents.dump(kind_manifests.prometheus_objects())
            self._kubectl("apply", "-f", "-", text=manifests)
            self._kubectl(
                *("--namespace", kind_manifests.NAMESPACE),
                *("rollout", "status", "deployment/prometheus", "--timeout=180s"),
            )
        if options.kwok is not None:
            self._fakes(options.kwok, port=chosen["kwok"], shown=shown)

    def down(self, *, shown: console.Console) -> list[str]:
        with shown.step("deleting the kind cluster and its registry"):
            self._supervisor.stop("kwok", grace=0)
            self._run(["kind", "delete", "cluster", "--name", self._cluster.name])
            self._run(["docker", "rm", "--force", "--volumes", self.registry])
        shutil.rmtree(self._cluster.state)
        left = ["the images that docker has pulled for it"]
        if self._found("network", NETWORK):
            left.append(
                f"docker's network {NETWORK}, which all kind clusters share: "
                f"`docker network rm {NETWORK}` removes it where there is no other"
            )
        return left

    def status(self) -> list[base.Part]:
        listed = self._kubectl("get", "nodes", "--output=json", "--request-timeout=10s")
        state = kind_nodes.state(self.registry, run=self._run)
        rows = [base.Part("registry", state or "missing", self.registry, ok=state == "running")]
        return rows + nodes.parts(json.loads(listed)["items"])

    def load(self, image: str, *, shown: console.Console) -> str:
        registry = self.info().registry
        with shown.step(f"pushing {image} to {registry.host}"):
            return images.push(image, to=registry.host, pulled_as=registry.pull, run=self._run)

    def info(self) -> base.Info:
        cluster = self._cluster
        chosen = documents.read_json(cluster.state / "ports.json")
        inside = f"{self.registry}:{settings.REGISTRY_PORT}"
        return base.Info(
            provider=self.name,
            kubeconfig=str(cluster.kubeconfig),
            context=f"kind-{cluster.name}",
            registry=base.Registry(
                push=f"http://{inside}",
                pull=inside,
                host=f"http://127.0.0.1:{chosen.get('registry', settings.REGISTRY_PORT)}",
            ),
            prometheus=f"http://127.0.0.1:{chosen.get('prometheus', 9090)}",
            state=str(cluster.state),
        )

    def logs(self) -> dict[str, pathlib.Path]:
        folder = self._cluster.logs
        self._run(["kind", "export", "logs", str(folder), "--name", self._cluster.name])
        return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.log"))}

    def _exists(self) -> bool:
        return self._cluster.name in self._run(["kind", "get", "clusters"]).split()

    def _create(self, chosen: dict[str, int], *, machines: Sequence[devices.Machine]) -> None:
        cluster = self._cluster
        config = documents.write_yaml(
            cluster.config / "kind.yaml",
            kind_manifests.cluster_config(
                registries=cluster.registry_hosts,
                prometheus_port=chosen["prometheus"],
                machines=machines,
            ),
        )
        self._run(
            [
                *("kind", "create", "cluster", "--name", cluster.name, "--config", str(config)),
                *("--kubeconfig", str(cluster.kubeconfig), "--wait", "180s"),
                *("--image", NODE_IMAGE),
            ]
        )

    def _start_registry(self, chosen: dict[str, int]) -> None:
        """Start the registry that a reboot stopped, or make it where it is missing."""
        state = kind_nodes.state(self.registry, run=self._run)
        if state is None:
            published = f"127.0.0.1:{chosen['registry']}:{settings.REGISTRY_PORT}"
            self._run(
                [
                    *("docker", "run", "--detach", "--name", self.registry, "--network", NETWORK),
                    *("--publish", published, "--env", "REGISTRY_STORAGE_DELETE_ENABLED=true"),
                    REGISTRY_IMAGE,
                ]
            )
        elif state != "running":
            self._run(["docker", "start", self.registry])

    def _found(self, sort: str, name: str) -> bool:
        try:
            self._run(["docker", sort, "inspect", name])
        except errors.CommandFailed:
            return False
        return True

    def _trust_registry(self) -> None:
        inside = f"{self.registry}:{settings.REGISTRY_PORT}"
        text = f'server = "http://{inside}"\n\n[host."http://{inside}"]\n'
        documents.write(self._cluster.registry_hosts / inside / "hosts.toml", text)

    def _ports(self, *, running: bool, shown: console.Console) -> dict[str, int]:
        journal = self._cluster.state / "ports.json"
        wanted = {
            "registry": ports.Wanted("registry", "127.0.0.1", settings.REGISTRY_PORT),
            "prometheus": ports.Wanted("prometheus", "127.0.0.1", 9090),
            "kwok": ports.Wanted("kwok", "127.0.0.1", 10247),
        }
        chosen = ports.assign(
            wanted,
            recorded=documents.read_json(journal),
            # Docker holds the published ports for as long as the cluster exists.
            running=lambda name: running if name != "kwok" else self._kwok_runs(),
            note=shown.note,
        )
        documents.write(journal, documents.to_json(chosen))
        return chosen

    def _kwok_runs(self) -> bool:
        return self._supervisor.record("kwok") is not None

    def _fakes(self, count: int, *, port: int, shown: console.Console) -> None:
        program = programs.ensure(["kwok"], cache=self._cluster.cache, shown=shown)["kwok"]
        component = kwok.component(
            self._cluster, program=program, kubeconfig=self._cluster.kubeconfig, port=port
        )
        client = apiserver.ApiServer.from_kubeconfig(self._cluster.kubeconfig)
        kwok.apply(
            self._supervisor, component, client=client, count=count, machines=None, shown=shown
        )
        client.http.close()

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        argv = ["kubectl", f"--kubeconfig={self._cluster.kubeconfig}", *arguments]
        return self._run(argv, text=text)
