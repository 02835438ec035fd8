"""What places all pods of a job or none, as the settings say and the API server serves it."""

from __future__ import annotations

import logging

from trainshed import config
from trainshed.kube import client, discovery, errors, kinds
from trainshed.workloads import podgroups

log = logging.getLogger(__name__)
_PLURALS = (kinds.POD_GROUPS.plural, "workloads")
"""What Kubernetes' API for gangs consists of; that of 1.35 had Workloads alone."""


async def found(api: client.Client, settings: config.Gang) -> podgroups.Placer | None:
    """Return what makes a gang of a job's pods; None where nothing known here does."""
    scheduler = settings.scheduler_name
    if settings.by == "coscheduling":
        return podgroups.Coscheduling(scheduler=scheduler)
    if settings.by == "none":
        return None
    try:
        return await _native(api, scheduler)
    except errors.Forbidden as error:
        # Anything else ends the operator, which is started anew: it may be over by then.
        advice = "jobs have no gangs: allow it to get /apis, or set placement.gang.by to none"
        log.warning("pod_groups_unread", extra={"error": str(error), "advice": advice})
        return None


async def _native(api: client.Client, scheduler: str) -> podgroups.Placer | None:
    known = kinds.POD_GROUPS
    if await discovery.served(api, [known]):
        log.info("gangs_by_pod_groups", extra={"version": known.api_version})
        return podgroups.Native(scheduler=scheduler)
    others = await discovery.versions(api, known.group, _PLURALS)
    if others:
        advice = f"jobs have no gangs: this release knows {known.api_version} alone"
        log.warning("pod_groups_unknown", extra={"served": others, "advice": advice})
    return None
