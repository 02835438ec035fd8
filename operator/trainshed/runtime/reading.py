"""The files of a job that the operator reads itself, as data: inline ones, and a ConfigMap's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trainshed.builds import embedding
from trainshed.core import configmaps, plan, scripts
from trainshed.runtime import seams


async def files(api: seams.Writer, namespace: str, order: plan.BuildOrder) -> Mapping[str, bytes]:
    """Return a job's files; raises SourceInvalid and ApiError."""
    if order.config_map is None:
        return {name: text.encode() for name, text in (order.files or {}).items()}
    found = configmaps.files(await api.config_map(namespace, order.config_map))
    missing = scripts.missing(order.source_entrypoint, found)
    if missing is not None:
        raise configmaps.SourceInvalid(missing.reason, missing.message)
    return found


def with_files(order: plan.BuildOrder, files: Mapping[str, bytes]) -> plan.BuildOrder:
    """Return an order whose pod is given the files: it need not, and can't, ask for them."""
    assert order.pod is not None
    return replace(order, pod=replace(order.pod, files=embedding.pack(files)))
