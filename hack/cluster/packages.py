"""Debian's packages that a host cluster needs: installed where their programs are missing."""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence

from hack import apt
from hack.cluster import commands, console, errors

# By what is looked for, not by package: Docker's own containerd.io is as good as Debian's.
NEEDED: Mapping[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/bin/docker-registry": "docker-registry",
    "/usr/bin/prometheus": "prometheus",
    "iptables": "iptables",
    "ip": "iproute2",
    "debootstrap": "debootstrap",
    "buildah": "buildah",
}
# What these packages start by themselves; the cluster starts its own.
_SERVICES = {
    "containerd": ("containerd",),
    "docker-registry": ("docker-registry",),
    "prometheus": ("prometheus", "prometheus-node-exporter"),
}
_PATH = ":".join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def missing(needed: Mapping[str, str] = NEEDED) -> list[str]:
    """Return the packages whose program is not on this machine."""
    return [package for looked, package in needed.items() if not _there(looked)]


def ensure(*, shown: console.Console, run: commands.Runner = commands.run) -> None:
    """Install what is missing, and stop the services that the packages started."""
    wanted = missing()
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise errors.Unavailable(
            f"{', '.join(wanted)} must be installed, and this machine has no apt-get: "
            "install them by hand, or use --provider kind"
        )
    with shown.step(f"installing {', '.join(wanted)}"):
        install(wanted, run=run)


def install(wanted: Sequence[str], *, run: commands.Runner) -> None:
    """Install by apt-get."""
    apt.install(wanted, run=run)
    for package in wanted:
        for service in _SERVICES.get(package, ()):
            _stop(service, run=run)


def _stop(service: str, *, run: commands.Runner) -> None:
    booted = pathlib.Path("/run/systemd/system").exists()
    script = pathlib.Path("/etc/init.d") / service
    if booted:
        argv = ["systemctl", "disable", "--now", service]
    elif script.exists():
        argv = [str(script), "stop"]
    else:
        return
    try:
        run(argv)
    except errors.ClusterError:
        return  # a service that the package does not have, or that never started


def _there(looked: str) -> bool:
    if looked.startswith("/"):
        return pathlib.Path(looked).exists()
    return shutil.which(looked, path=_PATH) is not None
