"""Records Kubernetes events, so that `kubectl describe` tells a job's story.

Core v1 events, not events.k8s.io: describe and `get events` read `count`, `firstTimestamp` and
`lastTimestamp`, which a merge patch can bump; an events.k8s.io event shows no age until it is a
series. Repeats of one (object, reason, message) are one event with a count, the same after a
restart, since its name is derived. Never blocks and never raises: an event that can't be
written in time is dropped.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from trainshed.kube import client, errors, kinds, ratelimit
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Bucket, Lane

log = logging.getLogger(__name__)

COMPONENT = "trainshed-operator"
MESSAGE_LIMIT = 1024
REMEMBERED = 4096
QUEUED = 2000
ATTEMPTS = 3
# As client-go's spam filter: a story of 25 events at once, then one each five minutes.
OBJECT_BURST = 25
OBJECT_PER_SECOND = 1 / 300

EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an event is about."""

    kind: Kind
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class _Key:
    regarding: Regarding
    type: EventType
    reason: str
    message: str

    def name(self) -> str:
        text = "\0".join((self.regarding.uid, self.type, self.reason, self.message))
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{self.regarding.name[:200].rstrip('.-')}.{digest}"


@dataclass(slots=True)
class _Entry:
    first: float
    last: float
    count: int = 1
    stored: bool = False


@dataclass(slots=True)
class Recorder:
    """Takes events from the reconciler and writes them in the background, one at a time."""

    client: client.Client
    instance: str
    """The pod's name: `reportingInstance`."""
    now: Callable[[], float] = time.time
    """Wall clock: timestamps are for people."""
    _seen: OrderedDict[_Key, _Entry] = field(default_factory=OrderedDict)
    _queue: OrderedDict[_Key, _Entry] = field(default_factory=OrderedDict)
    _buckets: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)
    _storing: bool = False
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def record(
        self, regarding: Regarding, *, reason: str, message: str, type_: EventType = "Normal"
    ) -> None:
        """Queue an event, or drop it where its object or the queue has too many."""
        key = _Key(regarding, type_, reason, message[:MESSAGE_LIMIT])
        if not self._bucket(regarding.uid).take() or len(self._queue) >= QUEUED:
            return
        now = self.now()
        entry = self._seen.get(key)
        if entry is None:
            entry = self._seen[key] = _Entry(first=now, last=now)
        else:
            entry.count += 1
            entry.last = now
        _trim(self._seen)
        self._queue[key] = entry
        self._wanted.set()

    def pending(self) -> int:
        """Return how many events are not written yet."""
        return len(self._queue) + self._storing

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            while self._queue:
                key, entry = self._queue.popitem(last=False)
                self._storing = True
                await self._store(key, entry)
                self._storing = False
            self._wanted.clear()
            await self._wanted.wait()

    def _bucket(self, uid: str) -> ratelimit.Bucket:
        now = asyncio.get_running_loop().time()
        bucket = self._buckets.get(uid)
        if bucket is None:
            bucket = self._buckets[uid] = Bucket(OBJECT_PER_SECOND, OBJECT_BURST, now=now)
            _trim(self._buckets)
        bucket.fill(now)
        return bucket

    async def _store(self, key: _Key, entry: _Entry) -> None:
        for _ in range(ATTEMPTS):
            try:
                await (self._bump(key, entry) if entry.stored else self._post(key, entry))
            except errors.AlreadyExists:
                entry.stored = True  # by the process before this one
            except errors.NotFound:
                if not entry.stored:
                    return  # the namespace is gone
                entry.stored = False  # it outlived its hour
            except (errors.Throttled, errors.Unavailable) as error:
                await asyncio.sleep(error.retry_after or 1.0)
            except errors.ApiError as error:
                log.debug("event_refused", extra={"reason": key.reason, "error": str(error)})
                return
            else:
                entry.stored = True
                return

    async def _bump(self, key: _Key, entry: _Entry) -> None:
        await self.client.patch_merge(
            kinds.EVENTS,
            {"count": entry.count, "lastTimestamp": _timestamp(entry.last)},
            name=key.name(),
            namespace=key.regarding.namespace,
            lane=Lane.EVENT,
        )

    async def _post(self, key: _Key, entry: _Entry) -> None:
        await self.client.create(kinds.EVENTS, self._body(key, entry), lane=Lane.EVENT)

    def _body(self, key: _Key, entry: _Entry) -> Body:
        regarding = key.regarding
        return {
            "apiVersion": kinds.EVENTS.api_version,
            "kind": kinds.EVENTS.name,
            "metadata": {"name": key.name(), "namespace": regarding.namespace},
            "involvedObject": {
                "apiVersion": regarding.kind.api_version,
                "kind": regarding.kind.name,
                "namespace": regarding.namespace,
                "name": regarding.name,
                "uid": regarding.uid,
            },
            "type": key.type,
            "reason": key.reason,
            "message": key.message,
            "count": entry.count,
            "firstTimestamp": _timestamp(entry.first),
            "lastTimestamp": _timestamp(entry.last),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.instance,
        }


def _timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _trim(mapping: OrderedDict[_Key, _Entry] | OrderedDict[str, Bucket]) -> None:
    while len(mapping) > REMEMBERED:
        mapping.popitem(last=False)
