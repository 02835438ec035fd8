"""What the modules of this package share: the cluster, its programs and its ports."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hack.cluster import documents, ports, settings

_LOOPBACK = "127.0.0.1"
WANTED = {
    "etcd": ports.Wanted("etcd", _LOOPBACK, 2379),
    "etcd-peer": ports.Wanted("etcd", _LOOPBACK, 2380),
    "apiserver": ports.Wanted("apiserver", settings.GATEWAY, 6443),
    "controller-manager": ports.Wanted("controller-manager", _LOOPBACK, 10257),
    "scheduler": ports.Wanted("scheduler", _LOOPBACK, 10259),
    "kubelet": ports.Wanted("kubelet", settings.GATEWAY, 10250),
    "proxy-health": ports.Wanted("proxy", _LOOPBACK, 10256),
    "proxy-metrics": ports.Wanted("proxy", _LOOPBACK, 10249),
    "dns": ports.Wanted("dns", settings.GATEWAY, 53, fixed=True, udp=True),
    "dns-ready": ports.Wanted("dns", _LOOPBACK, 8181),
    "registry": ports.Wanted("registry", settings.GATEWAY, settings.REGISTRY_PORT, fixed=True),
    "prometheus": ports.Wanted("prometheus", _LOOPBACK, 9090),
    "kwok": ports.Wanted("kwok", _LOOPBACK, 10247),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A cluster whose programs are found and whose ports are chosen."""

    cluster: settings.Settings
    programs: Mapping[str, pathlib.Path]
    ports: dict[str, int]

    def program(self, name: str) -> str:
        return str(self.programs[name])

    @property
    def server(self) -> str:
        """The API server as programs of this machine and pods alike reach it."""
        return f"https://{settings.GATEWAY}:{self.ports['apiserver']}"


def recorded_ports(cluster: settings.Settings) -> dict[str, int]:
    return documents.read_json(cluster.state / "ports.json")


def choose_ports(
    cluster: settings.Settings, *, running: Callable[[str], bool], note: Callable[[str], None]
) -> dict[str, int]:
    """Return a port for everything that listens, and remember it for the next time."""
    chosen = ports.assign(WANTED, recorded=recorded_ports(cluster), running=running, note=note)
    documents.write(cluster.state / "ports.json", documents.to_json(chosen))
    return chosen
