"""Whether a cluster mounts images as volumes: by its version, and by what its nodes run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainshed.api import reasons
from trainshed.core import observed

Version = tuple[int, int]

KUBERNETES: Version = (1, 35)
"""From here on it is on by default; before, nobody can tell from outside whether it is on."""
RUNTIMES: Mapping[str, Version] = {"containerd": (2, 1), "cri-o": (1, 31)}
"""The first version of each runtime that does it; no other runtime does."""
_ELSE = "use image.delivery image"
_NUMBER = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Node:
    """What a node says of itself."""

    name: str
    kubelet: str
    """Such as v1.36.2."""
    runtime: str
    """Such as containerd://2.1.4."""


def refused(server: str, nodes: Sequence[Node]) -> observed.Refusal | None:
    """Return why images can't be mounted; None where nothing speaks against it.

    `nodes`: those that the job may run on. Each of them must be able to: which one it will be is
    the scheduler's to say. Where there is none yet, one may be made that can.
    """
    found = _server(server) or next(filter(None, map(_node, nodes)), "")
    if not found:
        return None
    unable = sum(bool(_node(each)) for each in nodes)
    several = f"; so it is with {unable} of {len(nodes)} nodes" if unable > 1 else ""
    return observed.Refusal(
        reasons.Reason.DELIVERY_UNSUPPORTED,
        f"image.delivery volume is not for this cluster: {found}{several}: {_ELSE}, or have what"
        " it names upgraded, or choose other nodes by pod.nodeSelector",
        terminal=True,
    )


def unknown(why: str) -> observed.Refusal:
    """Return the refusal where the cluster can't be asked."""
    return observed.Refusal(
        reasons.Reason.DELIVERY_UNSUPPORTED,
        f"whether this cluster mounts images can't be told: {why}: {_ELSE}, or see that the"
        " operator's ServiceAccount may list nodes",
        terminal=False,
    )


def _server(version: str) -> str:
    if _at_least(version, KUBERNETES):
        return ""
    able = _text(KUBERNETES)
    return f"the API server is {version[:40]}, and Kubernetes mounts images from {able} on"


def _node(node: Node) -> str:
    kind, _, version = node.runtime.partition("://")
    oldest = RUNTIMES.get(kind)
    if oldest is None or not _at_least(version, oldest):
        able = " and ".join(f"{name} {_text(each)}" for name, each in RUNTIMES.items())
        return f"node {node.name} runs {node.runtime[:60]}, and {able} can"
    if not _at_least(node.kubelet, KUBERNETES):
        able = _text(KUBERNETES)
        return f"the kubelet of node {node.name} is {node.kubelet[:40]}, and {able} can"
    return ""


def _at_least(version: str, oldest: Version) -> bool:
    found = _NUMBER.match(version)
    return found is not None and (int(found[1]), int(found[2])) >= oldest


def _text(version: Version) -> str:
    return ".".join(map(str, version))
