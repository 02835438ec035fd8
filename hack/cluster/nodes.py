"""Reads Node objects: which are ready, which are fake, and how `status` shows them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from hack.cluster.providers import base

PATH = "/api/v1/nodes"
FAKE_LABEL = ("type", "kwok")
NEW = "node.kubernetes.io/not-ready"
DEVICES_LABEL = ("trainshed.dev/fake", "true")
"""Of nodes that show devices which they do not have: kwok's, and kind's workers."""

Node = Mapping[str, Any]


def is_ready(node: Node) -> bool:
    """Tell whether a node says that it is Ready."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def is_new(node: Node) -> bool:
    """Tell whether a node still has the taint that each one gets when it is made."""
    taints = node.get("spec", {}).get("taints") or ()
    return any(one["key"] == NEW for one in taints)


def unready(node: Node, *, since: datetime.datetime | None = None) -> str | None:
    """Return why the node is not Ready, or None; what it said before since does not count."""
    for one in node.get("status", {}).get("conditions") or ():
        if one["type"] != "Ready":
            continue
        said = datetime.datetime.fromisoformat(one["lastHeartbeatTime"].replace("Z", "+00:00"))
        # The API keeps whole seconds.
        if since is not None and said < since.replace(microsecond=0):
            return "its kubelet has not reported since it started"
        return None if one["status"] == "True" else str(one.get("message", "it is not Ready"))
    return "it says nothing yet"


def is_fake(node: Node) -> bool:
    key, value = FAKE_LABEL
    return bool(node["metadata"].get("labels", {}).get(key) == value)


def parts(nodes: Sequence[Node]) -> list[base.Part]:
    """Return a row for each real node, and one for all the fake ones."""
    rows = [
        base.Part(node["metadata"]["name"], "Ready" if ready else "NotReady", "node", ok=ready)
        for node in nodes
        if not is_fake(node)
        for ready in [is_ready(node)]
    ]
    fakes = [node for node in nodes if is_fake(node)]
    if fakes:
        ready = sum(map(is_ready, fakes))
        detail = f"{ready} of {len(fakes)} are Ready"
        rows.append(base.Part("fake nodes", str(len(fakes)), detail, ok=ready == len(fakes)))
    return rows
