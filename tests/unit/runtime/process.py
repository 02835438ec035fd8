"""The operator as a process that can be killed: the real reconciler on a world in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests import builders, facts
from tests.unit.runtime import buildings
from tests.unit.runtime import world as worlds
from trainshed.core import observed, plan
from trainshed.kube import errors
from trainshed.registry import errors as registry_errors
from trainshed.runtime import building, intake, reconciler
from trainshed.runtime import cache as caches

Kind = intake.Kind
Key = observed.JobKey
SETTINGS = facts.settings(build_deadline=120.0, startup_deadline=60.0)


class Killed(Exception):
    """The process ends here."""


class Maker:
    """Makes images: at once, slowly, after some refusals, or never."""

    def __init__(self, *, seconds: float = 0.0, refusals: int = 0, terminal: bool = False) -> None:
        self._seconds = seconds
        self._refusals = refusals
        self._terminal = terminal
        self.busy = 0
        self.made = 0

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return the image of an order; the registry keeps it."""
        self.busy += 1
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.busy -= 1
        if self._terminal:
            raise registry_errors.SourceRefused("these files can't be packed")
        if self._refusals > 0:
            self._refusals -= 1
            raise registry_errors.Unavailable("the registry is down")
        self.made += 1
        hit, seconds = self.made > 1, self._seconds
        return observed.BuiltImage(builders.IMAGE, "b-1", builders.BASE, hit, seconds, 1)


class Api:
    """The world as the operator reaches it: `between` says what happens around each write."""

    def __init__(self, world: worlds.World, between: Callable[[str], None]) -> None:
        self._world = world
        self._between = between

    async def _write(self, call: Callable[[], Any]) -> Any:
        self._between("before")
        answer = await call()
        self._between("after")
        return answer

    async def create_job(self, manifest: plan.Manifest) -> Any:
        """Create a Job."""
        return await self._write(lambda: self._world.create_job(manifest))

    async def create_beside(self, manifest: plan.Manifest) -> Any:
        """Create a Service, or a claim template."""
        return await self._write(lambda: self._world.create_beside(manifest))

    async def read_beside(self, manifest: plan.Manifest) -> Any:
        """Return a Service, or a claim template."""
        return await self._world.read_beside(manifest)

    async def read_job(self, namespace: str, name: str) -> Any:
        """Return a Job."""
        return await self._world.read_job(namespace, name)

    async def delete_job(self, namespace: str, target: plan.Delete) -> None:
        """Delete a Job."""
        await self._write(lambda: self._world.delete_job(namespace, target))

    async def patch_status(
        self, key: Key, patch: Mapping[str, Any], *, resource_version: str
    ) -> Any:
        """Patch the status of a TrainingJob."""
        version = resource_version
        return await self._write(
            lambda: self._world.patch_status(key, patch, resource_version=version)
        )

    async def newest_event(self, namespace: str, target: plan.Inquiry) -> Any:
        """Return the newest warning."""
        return await self._world.newest_event(namespace, target)

    async def config_map(self, namespace: str, name: str) -> Any:
        """Return a ConfigMap."""
        return await self._world.config_map(namespace, name)


class Process:
    """Watches, queues and reconciles; `restart` forgets everything but what the world holds."""

    def __init__(
        self,
        world: worlds.World,
        maker: Maker,
        between: Callable[[str], None] = lambda when: None,
    ) -> None:
        self._world = world
        self.maker = maker
        self._between = between
        self._last: dict[Kind, tuple[str, worlds.Body]] = {}
        self._start()

    def _start(self) -> None:
        self.ready: dict[Key, None] = {}
        self.timers: dict[Key, float] = {}
        self.cache = caches.Cache()
        api = Api(self._world, self._between)
        following = buildings.following(self.cache, api)
        self.intake = intake.Intake(
            cache=self.cache,
            wake=lambda key, priority: self.wake(key),
            clock=self._world.clock,
            built=following.changed,
        )
        self.builds = building.Builds(
            cache=self.cache,
            maker=self.maker,
            api=api,
            clock=self._world.clock,
            wake=self.wake,
            pods=following,
            mounts=buildings.Mounts(),
        )
        self.reconciler = reconciler.Reconciler(
            cache=self.cache,
            api=api,
            builds=self.builds,
            recorder=self._world,
            settings=SETTINGS,
            clock=self._world.clock,
            again=self.wake,
        )
        for kind in Kind:
            self.relist(kind)

    def wake(self, key: Key) -> None:
        """Ask for a pass."""
        self.ready[key] = None

    async def restart(self) -> None:
        """Kill the process and start another."""
        await self.builds.close()
        self._last.clear()
        self._start()

    # The watches

    def relist(self, kind: Kind) -> None:
        """List a kind again: what exists is told, and the sweeper finds what has gone."""
        self._world.events[kind].clear()
        self._last.pop(kind, None)
        held = self._world.objects[kind].values()
        uids = {each["metadata"]["uid"] for each in held}
        for uid in self._known(kind) - uids:
            self.intake.gone(kind, observed.Uid(uid))
        for body in held:
            self.intake.event(kind, None, body)

    def _known(self, kind: Kind) -> set[str]:
        if kind == Kind.TRAINING_JOB:
            return {str(each.uid) for each in self.cache.jobs()}
        views = self.cache.workloads() if kind == Kind.JOB else self.cache.all_pods()
        return {str(each.uid) for each in views}

    def deliver(self, kind: Kind) -> None:
        """Take the next event of a kind."""
        if self._world.events[kind]:
            self._last[kind] = self._world.events[kind].popleft()
            self.intake.event(kind, *self._last[kind])

    def deliver_again(self, kind: Kind) -> None:
        """Take the last event of a kind once more."""
        if kind in self._last:
            self.intake.event(kind, *self._last[kind])

    # The passes

    async def run_pass(self) -> None:
        """Reconcile the key that has waited longest; a failure is tried again."""
        key = next(iter(self.ready))
        del self.ready[key]
        self.timers.pop(key, None)
        try:
            result = await self.reconciler.reconcile(key)
        except Killed:
            await self.restart()
        except errors.ApiError:
            self.timers[key] = self._world.clock() + 1.0
        else:
            if result.requeue_after is not None:
                self.timers[key] = self._world.clock() + result.requeue_after

    async def sleep(self, seconds: float) -> None:
        """Let time go by; due keys are asked for."""
        await asyncio.sleep(seconds)
        for key, due in list(self.timers.items()):
            if due <= self._world.clock():
                del self.timers[key]
                self.wake(key)

    async def settle(self) -> None:
        """Let everything happen that still may, in plain order, until nothing does."""
        for _ in range(2000):
            moves = self._world.moves()
            waiting = [kind for kind in Kind if self._world.events[kind]]
            if self.ready:
                await self.run_pass()
            elif waiting:
                self.deliver(waiting[0])
            elif moves:
                moves[0]()
            elif self.maker.busy:
                await self.sleep(0.5)
            elif self.timers:
                await self.sleep(max(0.0, min(self.timers.values()) - self._world.clock()) + 0.001)
            else:
                return
        raise AssertionError("it goes on for ever")
