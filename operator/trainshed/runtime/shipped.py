"""The classes of accelerators that come with the chart: made, and kept as the chart has them.

Helm can't make them: it knows no kind whose definition is in the same chart.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed import config
from trainshed.api import accelerator_class, labels
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds

log = logging.getLogger(__name__)

_OURS = {labels.MANAGED_BY: labels.MANAGER}


async def ensure(api: clients.Client, shipped: Sequence[config.ShippedClass]) -> None:
    """Make each class that is not there, and bring those up to date that are ours.

    One without our label is somebody's own, and left as it is.
    """
    for each in shipped:
        try:
            await _ensure(api, each)
        except errors.ApiError as error:
            log.warning("class_not_shipped", extra={"class": each.name, "error": str(error)})


async def _ensure(api: clients.Client, shipped: config.ShippedClass) -> None:
    body = _body(shipped)
    try:
        await api.create(kinds.CLASSES, body)
        return
    except errors.AlreadyExists:
        found = await api.get(kinds.CLASSES, name=shipped.name)
    metadata: Mapping[str, Any] = found["metadata"]
    ours = (metadata.get("labels") or {}).get(labels.MANAGED_BY) == labels.MANAGER
    if ours and found.get("spec") != body["spec"]:
        await api.replace(kinds.CLASSES, {**found, "spec": body["spec"]})


def _body(shipped: config.ShippedClass) -> dict[str, Any]:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": accelerator_class.KIND,
        "metadata": {"name": shipped.name, "labels": dict(_OURS)},
        "spec": dict(shipped.spec),
    }
