"""The files of a job that the operator reads itself, as data: inline ones, and a ConfigMap's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainshed.api import reasons
from trainshed.builds import embedding
from trainshed.core import admission, plan
from trainshed.runtime import seams


class SourceInvalid(Exception):
    """The source can't be built, whatever is tried."""

    def __init__(self, reason: str, message: str) -> None:
        """Carry the reason that the job's condition shows."""
        super().__init__(message)
        self.reason = reason


async def files(api: seams.Writer, namespace: str, order: plan.BuildOrder) -> Mapping[str, bytes]:
    """Return a job's files; raises SourceInvalid and ApiError."""
    if order.config_map is None:
        return {name: text.encode() for name, text in (order.files or {}).items()}
    found = config_map_files(await api.config_map(namespace, order.config_map))
    missing = admission.missing_script(order.source_entrypoint, found)
    if missing is not None:
        raise SourceInvalid(missing.reason, missing.message)
    return found


def config_map_files(body: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a ConfigMap: its text and its binary keys."""
    files = {name: text.encode() for name, text in (body.get("data") or {}).items()}
    for name, text in (body.get("binaryData") or {}).items():
        try:
            files[name] = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            message = f"binaryData.{name} is no base64: mend the ConfigMap, create the job anew"
            raise SourceInvalid(reasons.Reason.SOURCE_INVALID, message) from error
    if not files:
        raise SourceInvalid(
            reasons.Reason.SOURCE_INVALID,
            "the ConfigMap has no keys: put the code into it, then create the job anew",
        )
    return files


def with_files(order: plan.BuildOrder, files: Mapping[str, bytes]) -> plan.BuildOrder:
    """Return an order whose pod is given the files: it need not, and can't, ask for them."""
    assert order.pod is not None
    return replace(order, pod=replace(order.pod, files=embedding.pack(files)))
