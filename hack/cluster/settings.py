"""Where a named cluster lives: its folders, its link, its addresses.

Owns names and paths derived from the cluster's name and the environment. Touches no file.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hack.cluster import errors

DEFAULT_NAME = "trainshed"
NODE = "trainshed-host"
DOMAIN = "cluster.local"
GATEWAY = "10.244.0.1"
POD_CIDR = "10.244.0.0/24"
FAKE_POD_CIDR = "10.245.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
REGISTRY_PORT = 5000
REGISTRY = f"{GATEWAY}:{REGISTRY_PORT}"
PAUSE_IMAGE = f"{REGISTRY}/trainshed/pause:1"

# A link's name has at most 15 characters, and ours is the cluster's name and a digit.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,12}")
# containerd's socket is the deepest; a Unix socket's path has at most 107 bytes.
_LONGEST_STATE = 107 - len("/containerd/run/containerd.sock.ttrpc")


@dataclass(frozen=True, slots=True)
class Settings:
    """One cluster's name and folders."""

    name: str
    state: pathlib.Path
    cache: pathlib.Path

    @property
    def bridge(self) -> str:
        """The link that holds GATEWAY."""
        return f"{self.name}0"

    @property
    def cgroup(self) -> str:
        """The cgroup that holds every pod's container."""
        return f"/{self.name}"

    @property
    def kubeconfig(self) -> pathlib.Path:
        return self.state / "kubeconfig"

    @property
    def pki(self) -> pathlib.Path:
        return self.state / "pki"

    @property
    def config(self) -> pathlib.Path:
        return self.state / "config"

    @property
    def logs(self) -> pathlib.Path:
        return self.state / "logs"

    @property
    def pids(self) -> pathlib.Path:
        return self.state / "pids"

    @property
    def containerd_socket(self) -> pathlib.Path:
        return self.state / "containerd" / "run" / "containerd.sock"

    @property
    def registry_hosts(self) -> pathlib.Path:
        """containerd's folder of registries, one folder each; read at every pull."""
        return self.config / "registries"


def load(name: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the cluster called name."""
    if not _NAME.fullmatch(name):
        raise errors.ClusterError(
            f"{name!r} cannot be a cluster's name: use at most 13 lower-case letters, digits "
            "and dashes, a letter first"
        )
    home = pathlib.Path(environment.get("HOME") or "/root")
    state_home = pathlib.Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state")
    state = pathlib.Path(environment.get("TRAINSHED_STATE") or state_home / "trainshed") / name
    if len(os.fsencode(state)) > _LONGEST_STATE:
        raise errors.ClusterError(
            f"{state} is too long for the sockets below it: "
            f"set TRAINSHED_STATE to a path of at most {_LONGEST_STATE - len(name) - 1} bytes"
        )
    return Settings(name=name, state=state, cache=cache(environment))


def cache(environment: Mapping[str, str] = os.environ) -> pathlib.Path:
    """Return the folder of what can be built again."""
    home = pathlib.Path(environment.get("HOME") or "/root")
    cache_home = pathlib.Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return pathlib.Path(environment.get("TRAINSHED_CACHE") or cache_home / "trainshed")
