"""What is watched, by which selectors and where."""

from __future__ import annotations

from trainshed import config
from trainshed.api import labels
from trainshed.kube import client, kinds
from trainshed.runtime import places, queues, sweeper


async def of(settings: config.Settings, api: client.Client) -> tuple[sweeper.Watched, ...]:
    """Return the kinds to watch; Kueue's where it is there at this moment."""
    namespaces = settings.namespaces
    return (
        sweeper.Watched(kinds.TRAINING_JOBS, namespaces=namespaces),
        sweeper.Watched(kinds.JOBS, labels.SELECTOR, namespaces),
        sweeper.Watched(kinds.PODS, labels.SELECTOR, namespaces),
        *places.watched(settings.accelerator_classes.enabled),
        *await queues.watched(api, enabled=settings.kueue.enabled, namespaces=namespaces),
    )
