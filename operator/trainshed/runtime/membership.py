"""The cache as the sweeper compares it with the API server."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.core import observed
from trainshed.kube import kinds
from trainshed.kube.kinds import Body, Kind
from trainshed.runtime import cache as caches
from trainshed.runtime import intake, sweeper

_OF_PLACES = {kinds.NODES: "nodes", kinds.CLASSES: "classes"}


class Membership:
    """Implements `sweeper.Cache`: evictions and restorations go the way of watch events."""

    def __init__(self, cache: caches.Cache, incoming: intake.Intake) -> None:
        """Compare this cache; change it through this intake."""
        self._cache = cache
        self._incoming = incoming

    def members(self, kind: Kind) -> Mapping[observed.Uid, sweeper.Member]:
        """Return a copy of all that is cached of a kind."""
        if kind == kinds.TRAINING_JOBS:
            return {each.uid: sweeper.Member(*each.key) for each in self._cache.jobs()}
        if kind in _OF_PLACES:
            known = self._cache.places.members(_OF_PLACES[kind])
            return {uid: sweeper.Member("", name) for uid, name in known}
        if kind in kinds.WORKLOADS:
            queues = self._cache.queues.all()
            return {each.uid: sweeper.Member(each.namespace, each.name) for each in queues}
        views = self._cache.workloads() if kind == kinds.JOBS else self._cache.all_pods()
        return {each.uid: sweeper.Member(each.namespace, each.name) for each in views}

    def evict(self, kind: Kind, uid: observed.Uid) -> None:
        """Forget an object that is gone, and queue what depends on it."""
        self._incoming.gone(kind.plural, uid)

    def restore(self, kind: Kind, body: Body) -> None:
        """Take in an object that no watch event told of, and queue what depends on it."""
        self._incoming.event(kind.plural, None, body)
