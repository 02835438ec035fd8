"""Elects one leader by a Lease: renews it, watches others', gives it back on exit.

Whether another holder's lease is over is judged by when this process last saw the record change,
on its own monotonic clock; wall clocks are written for people and never compared. A leader stops
`renew` seconds after the last renewal it sent was answered; followers wait `lease` seconds: the
difference is the margin that keeps two leaders apart.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trainshed.kube import client, errors, kinds
from trainshed.kube.kinds import Body

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds."""

    lease: float = 15.0
    """What followers wait for, since the last change that they saw."""
    renew: float = 10.0
    """How long a leader goes on without a successful renewal."""
    retry: float = 2.0
    """Between attempts, of leaders and followers; jittered by a fifth."""

    def __post_init__(self) -> None:
        """Refuse timings that let two leaders meet, or that allow no second attempt."""
        if not self.lease > self.renew > 1.2 * self.retry > 0:
            raise ValueError("leader election needs leaseSeconds > renewSeconds > retrySeconds")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks for which Lease."""

    namespace: str
    lease: str
    holder: str
    """Unique to a running process, and best stable over its container's restarts (POD_NAME): a
    restarted container then takes its own lease up again at once."""


class Elector:
    """One candidate. `acquire`, then `keep` until it returns, then `release`."""

    def __init__(
        self,
        api: client.Client,
        identity: Identity,
        *,
        random: Callable[[], float],
        wall_clock: Callable[[], float],
        timing: Timing | None = None,
    ) -> None:
        """Take a client that is not fenced by this elector and passes no limiter."""
        self._api = api
        self._identity = identity
        self._random = random
        self._wall_clock = wall_clock
        self._timing = timing if timing is not None else Timing()
        self._loop = asyncio.get_running_loop()
        self._record: Body | None = None
        self._seen = 0.0
        self._leads_until = float("-inf")

    def is_leader(self) -> bool:
        """Tell whether this process may write now. Cheap: asked before each write."""
        return self._loop.time() < self._leads_until

    async def acquire(self) -> None:
        """Return once this process leads."""
        while not self.is_leader():
            await self._attempt(self._try_acquire)
            if not self.is_leader():
                await asyncio.sleep(self._interval())
        log.info("leadership_acquired", extra={"holder": self._identity.holder})

    async def keep(self) -> None:
        """Renew the lease until it is lost, then return."""
        while self.is_leader():
            await asyncio.sleep(min(self._interval(), self._leads_until - self._loop.time()))
            await self._attempt(self._renew)
        log.error("leadership_lost", extra={"holder": self._identity.holder})

    async def release(self) -> None:
        """Stop leading and let a follower take over at once. Drain the writers first."""
        led = self.is_leader()
        self._leads_until = float("-inf")
        if led:
            await self._attempt(self._give_back)

    def _interval(self) -> float:
        return self._timing.retry * (0.8 + 0.4 * self._random())

    async def _attempt(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            # Half of the deadline, so that one stuck connection leaves time for a second try.
            async with asyncio.timeout(self._timing.renew / 2):
                await step()
        except (errors.ApiError, TimeoutError) as error:
            log.warning("lease_attempt_failed", extra={"error": str(error) or "no answer"})

    async def _try_acquire(self) -> None:
        try:
            await self._observe()
        except errors.NotFound:
            # Deleted by a person: who held it may still think that it leads.
            if self._record is None or self._is_free():
                await self._lead(self._api.create, None)
            return
        if self._is_free():
            await self._lead(self._api.replace, self._record)

    async def _renew(self) -> None:
        try:
            await self._lead(self._api.replace, self._record)
        except errors.Conflict:
            # Our own renewal whose answer was lost, a person's edit, or another leader.
            await self._observe()
            if _holder(self._record) != self._identity.holder:
                self._leads_until = float("-inf")
                return
            await self._lead(self._api.replace, self._record)

    async def _give_back(self) -> None:
        released = self._claim(self._record, holder="", seconds=1)
        try:
            await self._api.replace(kinds.LEASES, released)
        except errors.Conflict:
            await self._observe()
            if _holder(self._record) == self._identity.holder:
                released = self._claim(self._record, holder="", seconds=1)
                await self._api.replace(kinds.LEASES, released)

    async def _observe(self) -> None:
        """Read the record and note when it was last seen to change."""
        where = self._identity
        record = await self._api.get(kinds.LEASES, name=where.lease, namespace=where.namespace)
        if self._record is None or _version(record) != _version(self._record):
            self._seen = self._loop.time()
        self._record = record

    def _is_free(self) -> bool:
        holder = _holder(self._record)
        if holder in ("", self._identity.holder):
            return True
        promised = (self._record or {}).get("spec", {}).get("leaseDurationSeconds") or 0
        return self._loop.time() - self._seen > max(promised, self._timing.lease)

    async def _lead(
        self, write: Callable[[kinds.Kind, Body], Awaitable[Body]], record: Body | None
    ) -> None:
        # Counted from before the request: followers count from after its effect.
        sent = self._loop.time()
        claim = self._claim(record, holder=self._identity.holder, seconds=self._timing.lease)
        self._record = await write(kinds.LEASES, claim)
        self._seen = self._loop.time()
        self._leads_until = sent + self._timing.renew

    def _claim(self, record: Body | None, *, holder: str, seconds: float) -> Body:
        where = self._identity
        now = _micro_time(self._wall_clock())
        old = (record or {}).get("spec", {})
        changes = holder not in ("", old.get("holderIdentity", ""))
        transitions = old.get("leaseTransitions", 0) + (1 if changes and record else 0)
        metadata = (record or {}).get("metadata")
        return {
            "apiVersion": kinds.LEASES.api_version,
            "kind": kinds.LEASES.name,
            "metadata": metadata or {"name": where.lease, "namespace": where.namespace},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": int(seconds),
                "acquireTime": now if changes else old.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }


def _holder(record: Body | None) -> str:
    return str((record or {}).get("spec", {}).get("holderIdentity") or "")


def _version(record: Body) -> str:
    return str(record["metadata"].get("resourceVersion", ""))


def _micro_time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
