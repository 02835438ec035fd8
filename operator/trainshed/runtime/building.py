"""Runs the builds that plans ask for, one task a job, and keeps what came of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Protocol

from trainshed.api import reasons
from trainshed.core import configmaps, observed, plan
from trainshed.kube import errors as api_errors
from trainshed.registry import errors as registry_errors
from trainshed.runtime import cache as caches
from trainshed.runtime import podbuilds, reading, seams, turns

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a pass waits for a build, so that the same pass goes on to create the Job.

A pass that reports the build instead waits for its turn to write: in a burst, hundreds of such
reports would go before the creations that they hold back.
"""

WORDS_SECONDS = 20.0
"""So long after its time is up a build pod may be waited for: it has its last words to say."""

Observe = Callable[[float, str], None]
"""Called after each build with its seconds and how it ended: built, found or a reason."""


def unobserved(seconds: float, result: str) -> None:
    """Count nothing."""


Hit = Callable[[str], None]
"""Called with what a job's build was found by."""
Worked = Callable[[Mapping[str, float], int], None]
"""Called once for each build that was done, with the seconds of its phases and the bytes sent."""


class Maker(Protocol):
    """Makes images; equal orders at the same time are made once."""

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return the image; raises RegistryError."""


class Mounts(Protocol):
    """Knows whether nodes mount images as volumes."""

    async def refusal(self, selector: str) -> observed.Refusal | None:
        """Return why the nodes of a label selector can't; None where they can."""

    async def close(self) -> None:
        """End the questions that are open."""


class Slots:
    """Lets so many builds run at once, and no namespace have more than half of them.

    So a namespace whose registry is slow keeps the builds of no other waiting.
    """

    def __init__(self, parallel: int) -> None:
        """Begin with all of them free."""
        self._free = asyncio.Semaphore(parallel)
        self._share = max(1, parallel // 2)
        # Kept alive by those who hold or await them, and by nothing else.
        self._shares: weakref.WeakValueDictionary[str, asyncio.Semaphore] = (
            weakref.WeakValueDictionary()
        )

    @contextlib.asynccontextmanager
    async def held(self, namespace: str) -> AsyncIterator[None]:
        """Hold one while the body runs; wait for it first."""
        share = self._shares.get(namespace)
        if share is None:
            share = self._shares[namespace] = asyncio.Semaphore(self._share)
        # The share first: who waits for it must not hold what others could use.
        async with share, self._free:
            yield


class Builds:
    """The builds of this process."""

    def __init__(
        self,
        *,
        cache: caches.Cache,
        maker: Maker,
        api: seams.Writer,
        clock: Callable[[], float],
        wake: Callable[[observed.JobKey], None],
        pods: podbuilds.PodBuilds,
        mounts: Mounts,
        observe: Observe = unobserved,
        hit: Hit = lambda kind: None,
        worked: Worked = lambda phases, sent: None,
        parallel: int = 16,
        deadline: float = 900.0,
        order: turns.Turns | None = None,
    ) -> None:
        """Build at most `parallel` images at a time, half of them for one namespace.

        Each may take `deadline` seconds from when it begins. `wake` is told when one is done.
        `order`: keeps builds apart from what lets old images go.
        """
        self._turns = order or turns.Turns()
        self._deadline = deadline
        self._cache = cache
        self._maker = maker
        self._api = api
        self._clock = clock
        self._wake = wake
        self._pods = pods
        self._mounts = mounts
        self._observe = observe
        self._hit = hit
        self._worked = worked
        self._slots = Slots(parallel)
        self._tasks: dict[observed.Uid, asyncio.Task[None]] = {}

    async def run(self, job: observed.TrainingJobView, order: plan.BuildOrder) -> bool:
        """Begin a job's build; return whether it has ended within the pass's patience."""
        task = self._tasks.get(job.uid)
        if task is None:
            begun, known = _begun(order), self._cache.build(job.uid)
            if known is None or known.refusal is None or replace(known, refusal=None) != begun:
                self._cache.put_build(job.uid, begun)
            task = asyncio.create_task(self._build(job, order), name=f"build {job.key}")
            self._tasks[job.uid] = task
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        return bool(done)

    async def close(self) -> None:
        """End the builds that are running."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._mounts.close()

    async def _build(self, job: observed.TrainingJobView, order: plan.BuildOrder) -> None:
        # Until its end is in the cache, nothing else tells which image it has found.
        async with self._turns.building(job.key.namespace):
            await self._built(job, order)

    async def _built(self, job: observed.TrainingJobView, order: plan.BuildOrder) -> None:
        try:
            # A pod takes none of this process's slots: the cluster's quotas bound it.
            idle = contextlib.nullcontext()
            held = idle if order.pod else self._slots.held(job.key.namespace)
            async with held:
                started = self._clock()
                view = await self._outcome(job, order)
                self._count(order, view, self._clock() - started)
        finally:
            del self._tasks[job.uid]
        current = self._cache.job(job.key)
        if current is not None and current.uid == job.uid:
            self._cache.put_build(job.uid, view)
            self._wake(job.key)

    def _count(self, order: plan.BuildOrder, view: observed.BuildView, seconds: float) -> None:
        self._observe(seconds, _result(view))
        if view.image is None:
            return
        for kind in view.image.hits:
            self._hit(kind)
        # What a pod has done is counted once, however many jobs wait for it: where it is followed.
        if order.pod is None and view.image.phases:
            self._worked(view.image.phases, view.image.uploaded_bytes)

    async def _outcome(
        self, job: observed.TrainingJobView, order: plan.BuildOrder
    ) -> observed.BuildView:
        seconds = order.seconds or self._deadline
        try:
            async with asyncio.timeout(_patience(order, seconds)):
                if order.mounted:
                    await self._see_mounts(order)
                files = await reading.files(self._api, job.key.namespace, order)
                if order.pod is not None:
                    tell = functools.partial(self._tell, job, order)
                    image = await self._pods.make(job, reading.with_files(order, files), tell)
                else:
                    image = await self._maker.make(job.key.namespace, order, files)
                return replace(_begun(order), image=image)
        except TimeoutError:
            message = f"the build did not end within {seconds:.0f} s: it is begun again"
            refusal = observed.Refusal(reasons.Reason.BUILD_TIMED_OUT, message, False)
        except podbuilds.Refused as error:
            refusal = error.refusal
        except registry_errors.RegistryError as error:
            refusal = observed.Refusal(error.reason, str(error), error.terminal)
        except api_errors.NotFound:
            refusal = observed.Refusal(
                reasons.Reason.SOURCE_NOT_FOUND,
                f"ConfigMap {order.config_map} does not exist in {job.key.namespace}: create it",
                terminal=False,
            )
        except api_errors.ApiError as error:
            refusal = observed.Refusal(
                reasons.Reason.SOURCE_UNREADABLE,
                f"ConfigMap {order.config_map} can't be read: {error}: it is tried again; see that"
                " the operator's role lets it read ConfigMaps",
                terminal=False,
            )
        except configmaps.SourceInvalid as error:
            refusal = observed.Refusal(error.reason, str(error), terminal=True)
        except Exception as error:
            # A bug of ours must neither end the operator nor leave the job without a word.
            log.error("build_crashed", extra={"job": str(job.key)}, exc_info=error)
            message = f"the build crashed ({type(error).__name__}): see the operator's log"
            refusal = observed.Refusal(reasons.Reason.BUILD_CRASHED, message, terminal=False)
        return replace(_begun(order), refusal=self._with_retry(job, refusal))

    async def _see_mounts(self, order: plan.BuildOrder) -> None:
        """Refuse before anything is built what no node of the job's could run."""
        refusal = await self._mounts.refusal(order.nodes)
        if refusal is not None:
            raise podbuilds.Refused(refusal)

    def _tell(
        self,
        job: observed.TrainingJobView,
        order: plan.BuildOrder,
        refusal: observed.Refusal | None,
    ) -> None:
        """Show what a build waits for, or that it waits no more, while it goes on."""
        current = self._cache.job(job.key)
        if current is not None and current.uid == job.uid:
            self._cache.put_build(job.uid, replace(_begun(order), refusal=refusal))
            self._wake(job.key)

    def _with_retry(
        self, job: observed.TrainingJobView, refusal: observed.Refusal
    ) -> observed.Refusal:
        now = self._clock()
        delay = retry_delay(now - job.first_seen)
        return replace(refusal, retry_at=now + delay)


def _begun(order: plan.BuildOrder) -> observed.BuildView:
    return observed.BuildView(forced=order.forced is not None, base=order.base)


def _patience(order: plan.BuildOrder, seconds: float) -> float:
    """Return how long to wait: a pod ends itself, and its last words take a moment."""
    return seconds + WORDS_SECONDS if order.pod is not None else seconds


COUNTED = frozenset(
    {
        *reasons.Reason,
        *reasons.BuildReason,
        *(each.reason for each in registry_errors.KINDS),
    }
)
OTHER = "other"
"""A build pod's words are its namespace's: a reason that is none of ours becomes no series."""
BUILT, FOUND = "built", "found"


def _result(view: observed.BuildView) -> str:
    if view.refusal is not None:
        return view.refusal.reason if view.refusal.reason in COUNTED else OTHER
    return FOUND if view.image is not None and view.image.cache_hit else BUILT


def retry_delay(elapsed: float) -> float:
    """Return the seconds until the next try: half of what has gone by, 2 to 60.

    It grows as a doubling backoff does, and needs no memory of the tries before.
    """
    return min(60.0, max(2.0, elapsed / 2))
