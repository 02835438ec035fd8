"""Leaves nothing behind: works from any state, a crashed or half-started one included.

The order matters: what starts processes ends before them, processes before their mounts,
mounts before their folders.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
from collections.abc import Iterator

from hack.cluster import commands, console, documents, errors, processes, settings, waiting
from hack.cluster.host import network, node

# Places outside our folder that the kubelet, the CNI library and the shims write to.
_SHARED = (
    "/var/lib/kubelet",
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/log/pods",
    "/usr/libexec/kubernetes",
    "/opt/containerd",
    "/run/containerd/s",
    "/run/containerd",
)
_DEVICE_PLUGINS = pathlib.Path("/var/lib/kubelet")


def remember_shared(cluster: settings.Settings) -> None:
    """Note which shared folders do not exist yet: those are ours to remove."""
    journal = cluster.state / "folders.json"
    if not journal.exists():
        absent = [path for path in _SHARED if not pathlib.Path(path).exists()]
        documents.write(journal, documents.to_json({"absent": absent}))


def down(
    cluster: settings.Settings, *, supervisor: processes.Supervisor, shown: console.Console
) -> None:
    """Remove the cluster whole: processes, mounts, packet rules, link, files."""
    network.refuse_elsewhere(cluster)
    sockets = list(_shim_sockets(cluster))
    with shown.step("ending processes and pods"):
        for name in ["kubelet", "containerd", *supervisor.names()]:
            supervisor.stop(name, grace=0)
        _end_all(cluster, supervisor=supervisor)
    with shown.step("removing mounts, packet rules and the bridge"):
        unmount(cluster)
        # Only where our kube-proxy ran are the chains ours to remove.
        network.cleanup(cluster.bridge, chains=supervisor.log("proxy").exists())
        network.restore(cluster)
        _remove_cgroups(cluster)
    with shown.step(f"removing {cluster.state}"):
        for socket in sockets:
            socket.unlink(missing_ok=True)
        _remove_shared(cluster)
        shutil.rmtree(cluster.state, ignore_errors=False)


def _end_all(cluster: settings.Settings, *, supervisor: processes.Supervisor) -> None:
    """Kill the pods' processes and the shims until none is left: either may start another."""

    def remaining() -> str | None:
        pods, strays = list(_pod_processes(cluster)), supervisor.strays()
        for pid in {*pods, *(stray.pid for stray in strays)} - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not pods and not strays:
            return None
        return f"{len(pods)} of pods and {len(strays)} others are left"

    waiting.until("every process to end", remaining, seconds=30)


def _pod_processes(cluster: settings.Settings) -> Iterator[int]:
    for root in _cgroups(cluster):
        for file in root.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                yield from (int(line) for line in file.read_text("ascii").split())


def _cgroups(cluster: settings.Settings) -> list[pathlib.Path]:
    found = [root / cluster.cgroup.lstrip("/") for root in node.cgroup_roots()]
    return [path for path in found if path.is_dir()]


def _remove_cgroups(cluster: settings.Settings) -> None:
    """Remove the pods' cgroups, deepest first; the kernel may need a moment to let go."""

    def remaining() -> str | None:
        for root in _cgroups(cluster):
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    pathlib.Path(folder).rmdir()
        left = _cgroups(cluster)
        return f"{left[0]} is busy" if left else None

    waiting.until("the pods' cgroups to be free", remaining, seconds=15)


def unmount(cluster: settings.Settings) -> None:
    """Unmount everything below the cluster's folder, deepest first."""
    table = pathlib.Path("/proc/self/mountinfo").read_text("utf-8")
    for point in mounts_below(table, folder=str(cluster.state)):
        try:
            commands.run(["umount", point])
        except errors.CommandFailed:
            commands.run(["umount", "--lazy", point])


def mounts_below(table: str, *, folder: str) -> list[str]:
    """Return the mount points of a mountinfo table below folder, deepest first."""
    points = [_unescaped(line.split()[4]) for line in table.splitlines()]
    below = [point for point in points if point.startswith(f"{folder}/")]
    return sorted(below, key=lambda point: (point.count("/"), point), reverse=True)


def _unescaped(field: str) -> str:
    # The kernel writes blanks and backslashes as three octal digits.
    return field.encode("latin-1").decode("unicode_escape") if "\\" in field else field


def _shim_sockets(cluster: settings.Settings) -> Iterator[pathlib.Path]:
    """Return the sockets that containerd's shims hold outside our folder."""
    bundles = cluster.state / "containerd" / "run" / "io.containerd.runtime.v2.task"
    for file in bundles.glob("*/*/address"):
        with contextlib.suppress(OSError):
            yield pathlib.Path(file.read_text("utf-8").strip().removeprefix("unix://"))


def forget_dead_shims(cluster: settings.Settings) -> None:
    """Remove the sockets of shims that were killed, before containerd forgets their names."""
    table = pathlib.Path("/proc/net/unix").read_text("utf-8", errors="replace")
    bound = {words[7] for words in map(str.split, table.splitlines()) if len(words) > 7}
    for socket in _shim_sockets(cluster):
        if str(socket) not in bound:
            socket.unlink(missing_ok=True)


def _remove_shared(cluster: settings.Settings) -> None:
    for result in pathlib.Path("/var/lib/cni/results").glob("*"):
        # Each result names its network namespace, which lies below our folder.
        if f'"{cluster.state}/' in result.read_text("utf-8", errors="replace"):
            result.unlink(missing_ok=True)
    for link in pathlib.Path("/var/log/containers").glob("*"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{cluster.state}/"):
            link.unlink(missing_ok=True)
    absent = documents.read_json(cluster.state / "folders.json").get("absent", [])
    for path in map(pathlib.Path, absent):
        if path == _DEVICE_PLUGINS:
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.rmdir()
