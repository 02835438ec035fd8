"""PodSecurity's profile `restricted`, as far as a pod's spec can break it.

From https://kubernetes.io/docs/concepts/security/pod-security-standards/, Linux pods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP = ("RuntimeDefault", "Localhost")
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")

Body = Mapping[str, Any]


def violations(spec: Body) -> list[str]:
    """Return what in a pod's spec the profile forbids, one phrase each."""
    pod: Body = spec.get("securityContext") or {}
    found = list(_of_pod(spec, pod))
    for key in CONTAINERS:
        for container in spec.get(key) or ():
            found += [f"{container['name']}: {each}" for each in _of_container(container, pod)]
    return found


def _of_pod(spec: Body, security: Body) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    for volume in spec.get("volumes") or ():
        if not VOLUMES.issuperset(volume.keys() - {"name"}):
            yield f"volume {volume['name']}"
    for sysctl in security.get("sysctls") or ():
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"


def _of_container(container: Body, pod: Body) -> Iterator[str]:
    own: Body = container.get("securityContext") or {}
    both = {**pod, **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "runs as root"
    if (both.get("seccompProfile") or {}).get("type") not in SECCOMP:
        yield "seccompProfile"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    yield from _capabilities(own.get("capabilities") or {})
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "hostPort"


def _capabilities(asked: Body) -> Iterator[str]:
    if "ALL" not in (asked.get("drop") or ()):
        yield "keeps capabilities"
    if set(asked.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield "adds capabilities"
