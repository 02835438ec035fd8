"""Has nodes pull a base while a build pod goes on. Nothing waits for it, and nothing needs it."""

from __future__ import annotations

import logging

from trainshed.builds import pinning, prepulls
from trainshed.core import plan
from trainshed.kube import errors
from trainshed.runtime import seams

log = logging.getLogger(__name__)


class Prepulls:
    """Begins pulls of bases, each once for as long as its Job is there."""

    def __init__(self, api: seams.Writer, *, nodes: int, pull_secret: str = "") -> None:
        """`nodes`: on so many at most; 0 for none. `pull_secret`: every pod's; empty for none."""
        self._api = api
        self._shared = pull_secret
        self._nodes = nodes

    async def begin(self, namespace: str, order: plan.BuildOrder, base: str) -> None:
        """Begin for an order whose build pod was begun; `base`: the order's, as it was resolved."""
        # What a Dockerfile stands on is in the source, which only the pod reads.
        if not self._nodes or not order.base or order.placement is None:
            return
        _, _, digest = base.partition("@")
        manifest = prepulls.render(
            # As the job names its registry: that is how nodes know it.
            pinning.pinned(order.base, digest) if digest else order.base,
            namespace=namespace,
            nodes=self._nodes,
            placement=order.placement,
            pull_secrets=tuple(filter(None, (*order.pull_secrets, self._shared))),
        )
        try:
            await self._api.create_job(manifest)
        except errors.AlreadyExists:
            return
        except errors.ApiError as error:
            log.warning("prepull_failed", extra={"namespace": namespace, "error": str(error)})
