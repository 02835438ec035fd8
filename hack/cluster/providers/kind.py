"""The provider kind: nodes as containers, where Docker may run privileged ones.

The registry is a container on kind's network: pods and nodes know it by its name, this
machine by a loopback port. Prometheus runs in the cluster behind a node port.
"""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import urllib.parse
from typing import Any

import yaml

from hack.cluster import (
    api,
    commands,
    console,
    documents,
    errors,
    fakes,
    images,
    nodes,
    ports,
    processes,
    programs,
    settings,
)
from hack.cluster.providers import base, kind_manifests

REGISTRY_IMAGE = "docker.io/library/registry:2"
_PROBE_SECONDS = 120


class Kind:
    """One kind cluster of one node."""

    name = "kind"

    def __init__(self, cluster: settings.Settings, *, run: commands.Runner = commands.run) -> None:
        self._cluster = cluster
        self._run = run
        self._supervisor = processes.Supervisor(
            pids=cluster.pids, logs=cluster.logs, mark=str(cluster.state)
        )

    @property
    def registry(self) -> str:
        """The registry container's name."""
        return f"{self._cluster.name}-registry"

    def unavailable(self) -> str | None:
        """Try for real what kind needs: a public image, and a privileged container of it."""
        for program in ("kind", "docker", "kubectl"):
            if shutil.which(program) is None:
                return f"{program} is not on the PATH"
        try:
            self._run(["docker", "info"], seconds=15)
            self._run(
                ["docker", "run", "--rm", "--privileged", "--entrypoint=true", REGISTRY_IMAGE],
                seconds=_PROBE_SECONDS,
            )
        except errors.ClusterError as error:
            return str(error)
        return None

    def up(self, options: base.Options, *, shown: console.Console) -> None:
        cluster = self._cluster
        exists = cluster.name in self._run(["kind", "get", "clusters"]).split()
        chosen = self._ports(running=exists, shown=shown)
        self._trust_registry()
        if not exists:
            with shown.step("creating the kind cluster (its node image is pulled once)"):
                self._create(chosen)
        with shown.step("registry and Prometheus"):
            self._start_containers(chosen)
            manifests = documents.dump(kind_manifests.prometheus_objects())
            self._kubectl("apply", "-f", "-", text=manifests)
            self._kubectl(
                *("--namespace", kind_manifests.NAMESPACE),
                *("rollout", "status", "deployment/prometheus", "--timeout=180s"),
            )
        if options.kwok is not None:
            self._fakes(options.kwok, port=chosen["kwok"], shown=shown)

    def down(self, *, shown: console.Console) -> None:
        with shown.step("deleting the kind cluster and its registry"):
            self._supervisor.stop("kwok", grace=0)
            self._run(["kind", "delete", "cluster", "--name", self._cluster.name])
            self._run(["docker", "rm", "--force", "--volumes", self.registry])
        shutil.rmtree(self._cluster.state)

    def status(self) -> list[base.Part]:
        listed = self._kubectl("get", "nodes", "--output=json", "--request-timeout=10s")
        state = self._container_state()
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

    def _create(self, chosen: dict[str, int]) -> None:
        cluster = self._cluster
        config = documents.write_yaml(
            cluster.config / "kind.yaml",
            kind_manifests.cluster_config(
                registries=cluster.registry_hosts, prometheus_port=chosen["prometheus"]
            ),
        )
        self._run(
            [
                *("kind", "create", "cluster", "--name", cluster.name, "--config", str(config)),
                *("--kubeconfig", str(cluster.kubeconfig), "--wait", "180s"),
            ]
        )

    def _start_containers(self, chosen: dict[str, int]) -> None:
        """Start what a reboot stopped, and make the registry where it is missing."""
        self._run(["docker", "start", f"{self._cluster.name}-control-plane"])
        state = self._container_state()
        if state is None:
            published = f"127.0.0.1:{chosen['registry']}:{settings.REGISTRY_PORT}"
            self._run(
                [
                    *("docker", "run", "--detach", "--name", self.registry, "--network", "kind"),
                    *("--publish", published, "--env", "REGISTRY_STORAGE_DELETE_ENABLED=true"),
                    REGISTRY_IMAGE,
                ]
            )
        elif state != "running":
            self._run(["docker", "start", self.registry])

    def _container_state(self) -> str | None:
        try:
            argv = ["docker", "container", "inspect", "--format", "{{.State.Status}}"]
            return self._run([*argv, self.registry]).strip()
        except errors.CommandFailed:
            return None

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
        component = fakes.component(
            self._cluster, program=program, kubeconfig=self._cluster.kubeconfig, port=port
        )
        with shown.step(f"{count} fake nodes") as step:
            fakes.apply(self._supervisor, component, client=self._api(), count=count, step=step)

    def _api(self) -> api.Api:
        """Return a client with the certificates of kind's kubeconfig."""
        kubeconfig = yaml.safe_load(self._cluster.kubeconfig.read_text("utf-8"))
        reached, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        self._write_pki("ca.crt", reached["certificate-authority-data"])
        self._write_pki("admin.crt", user["client-certificate-data"])
        self._write_pki("admin.key", user["client-key-data"])
        server = urllib.parse.urlsplit(reached["server"])
        return api.Api(
            address=server.hostname or "127.0.0.1", port=server.port or 443, pki=self._cluster.pki
        )

    def _write_pki(self, file: str, data: Any) -> None:
        text = base64.b64decode(data).decode("ascii")
        documents.write(self._cluster.pki / file, text, mode=0o600)

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        argv = ["kubectl", f"--kubeconfig={self._cluster.kubeconfig}", *arguments]
        return self._run(argv, text=text)
