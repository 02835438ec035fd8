"""Whether a namespace's jobs may have Dockerfiles built: its label says so, and is read at need."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from trainshed.api import labels, reasons
from trainshed.core import observed
from trainshed.kube import errors
from trainshed.registry import memo
from trainshed.runtime import seams

log = logging.getLogger(__name__)
KNOWN_SECONDS = 10.0
"""So long a namespace's label is not read again: a crowd of jobs costs one request."""
_LABEL = f"{labels.DOCKERFILES}: true"


class Gate:
    """Lets Dockerfiles through, or says why not."""

    def __init__(
        self, api: seams.Writer, available: bool, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`available`: whether the settings name an engine. `clock`: monotonic seconds."""
        self._api = api
        self._available = available
        self._allowed = memo.Memo[str, bool](clock, seconds=KNOWN_SECONDS)

    async def refusal(self, namespace: str) -> observed.Refusal | None:
        """Return why a namespace's Dockerfiles are not built; None where they are."""
        if not self._available:
            return _unavailable()
        allowed = self._allowed.get(namespace)
        if allowed is None:
            try:
                allowed = _labelled(await self._api.namespace(namespace))
            except errors.ApiError as error:
                log.warning("namespace_unread", extra={"namespace": namespace}, exc_info=error)
                return _unread(namespace, error)
            self._allowed.put(namespace, allowed)
        return None if allowed else _not_allowed(namespace)


def _labelled(body: seams.Body) -> bool:
    marks = body["metadata"].get("labels") or {}
    return marks.get(labels.DOCKERFILES) == "true"


def _unavailable() -> observed.Refusal:
    message = (
        "nothing here builds Dockerfiles: have builder.dockerfile.buildkit.image, or that of"
        " buildah, set in the chart, or use image.strategy: layer; then create the job anew"
    )
    return observed.Refusal(reasons.BuildReason.STRATEGY_UNAVAILABLE, message, terminal=True)


def _not_allowed(namespace: str) -> observed.Refusal:
    message = (
        f"namespace {namespace} is not labelled {_LABEL}, and building a Dockerfile takes more"
        " rights than other pods have: ask who runs the cluster for the label, or use"
        " image.strategy: layer; then create the job anew"
    )
    return observed.Refusal(reasons.BuildReason.DOCKERFILE_NOT_ALLOWED, message, terminal=True)


def _unread(namespace: str, error: errors.ApiError) -> observed.Refusal:
    message = (
        f"whether namespace {namespace} is labelled {_LABEL} can't be read: {error}: it is tried"
        " again; see that the operator's role lets it get namespaces"
    )
    return observed.Refusal(reasons.BuildReason.DOCKERFILE_NOT_ALLOWED, message, terminal=False)
