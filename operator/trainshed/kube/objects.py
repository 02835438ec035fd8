"""The few reads and writes that a reconcile pass makes, over the generic client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib import parse

from trainshed.core import observed, plan
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds

Body = Mapping[str, Any]
_BESIDE = {
    (each.api_version, each.name): each
    for each in (kinds.SERVICES, kinds.CLAIM_TEMPLATES, kinds.COSCHEDULED, kinds.POD_GROUPS)
}


class Objects:
    """Implements `runtime.seams.Writer` on the API server."""

    def __init__(self, client: clients.Client) -> None:
        """Send everything through one client, which knows the write budget and the fence."""
        self._client = client

    async def create_job(self, manifest: plan.Manifest) -> Body:
        """Create a Job; raises AlreadyExists, Forbidden, Invalid, Unavailable."""
        return await self._client.create(kinds.JOBS, dict(manifest))

    async def create_beside(self, manifest: plan.Manifest) -> Body:
        """Create what a Job's pods need beside it: its Service, or what they claim.

        Raises AlreadyExists, Forbidden, Invalid, Unavailable, NotFound where it is not served.
        """
        return await self._client.create(_beside(manifest), dict(manifest))

    async def read_beside(self, manifest: plan.Manifest) -> Body:
        """Return what is there in place of what was to be created; raises NotFound."""
        meta = manifest["metadata"]
        return await self._client.get(
            _beside(manifest), name=meta["name"], namespace=meta["namespace"]
        )

    async def read_job(self, namespace: str, name: str) -> Body:
        """Return a Job; raises NotFound."""
        return await self._client.get(kinds.JOBS, name=name, namespace=namespace)

    async def delete_job(self, namespace: str, target: plan.Delete) -> None:
        """Delete a Job if its uid is still the same; one that is gone is no error."""
        try:
            await self._client.delete(
                kinds.JOBS, name=target.name, namespace=namespace, uid=target.uid
            )
        except (errors.NotFound, errors.Conflict):
            return

    async def patch_status(
        self, key: observed.JobKey, patch: Body, *, resource_version: str
    ) -> Body:
        """Patch the status of a TrainingJob; raises Conflict, NotFound."""
        return await self._client.patch_merge(
            kinds.TRAINING_JOBS,
            {"status": dict(patch)},
            name=key.name,
            namespace=key.namespace,
            subresource="status",
            resource_version=resource_version,
        )

    async def newest_event(self, namespace: str, target: plan.Inquiry) -> Body | None:
        """Return the newest event of an object that an inquiry is about."""
        selector = f"involvedObject.uid={target.uid}"
        if not target.reasons:
            selector += ",type=Warning"
        query = parse.urlencode({"fieldSelector": selector, "limit": "50"})
        path = f"{kinds.EVENTS.path(namespace=namespace)}?{query}"
        found = json.loads(await self._client.raw("GET", path)).get("items") or []
        meant = (
            each for each in found if not target.reasons or each.get("reason") in target.reasons
        )
        return max(meant, key=_last_seen, default=None)

    async def namespace(self, name: str) -> Body:
        """Return a Namespace; raises NotFound, Forbidden."""
        return await self._client.get(kinds.NAMESPACES, name=name)

    async def config_map(self, namespace: str, name: str) -> Body:
        """Return a ConfigMap; raises NotFound."""
        return await self._client.get(kinds.CONFIG_MAPS, name=name, namespace=namespace)


def _beside(manifest: plan.Manifest) -> kinds.Kind:
    return _BESIDE[manifest["apiVersion"], manifest["kind"]]


def _last_seen(event: Body) -> str:
    """Return when an event was last seen; RFC 3339 times of one server sort as text."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
    )
