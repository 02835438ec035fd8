"""What the leader's part of the process is given, and what of it is looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from trainshed import config
from trainshed.core import observed
from trainshed.kube import client as clients
from trainshed.kube import login
from trainshed.registry import client as registry_clients
from trainshed.runtime import building, bundled, counting, podbuilds, workqueue
from trainshed.runtime import cache as caches

Key = observed.JobKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The ways to the API server."""

    connection: login.Connection
    free: clients.Client
    """For the Lease, the certificate and the routing: passes no budget."""
    budgeted: clients.Client
    """For jobs: passes the write budget, and refuses once this process does not lead."""


class Maker(building.Maker, podbuilds.Answers, Protocol):
    """Makes images, and knows what build pods made."""

    def own(self) -> registry_clients.Client:
        """Return the client of the registry that images go to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a process that has come to lead works with, until it no longer does."""

    settings: config.Settings
    identity: config.Identity
    api: Clients
    maker: Maker
    leading: Callable[[], bool]
    hooks: counting.Hooks
    stop: asyncio.Event
    """Ends it; also set where a part of it has died."""
    claim_signals: Callable[[], None]
    registry: bundled.Bundled | None = None


@dataclass(slots=True, kw_only=True)
class Operator:
    """The parts that `main` looks at from outside."""

    cache: caches.Cache = field(default_factory=caches.Cache)
    queue: workqueue.WorkQueue[Key]
    synced: asyncio.Event = field(default_factory=asyncio.Event)
    unready: str | None = "starting"
    """Why this replica is of no use yet; None once it works or stands by."""
