"""Builds that need a pod: begun once for equal orders of a namespace, and followed to their end.

Nothing is kept but what the watch tells: after a restart a Job that goes on is found by its label.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

from trainshed.api import reasons
from trainshed.builds import orders, pods
from trainshed.core import observe, observed, plan, podbuilds
from trainshed.kube import errors
from trainshed.registry import flights
from trainshed.runtime import cache as caches
from trainshed.runtime import seams

SHARED_SECONDS = 3.0
"""A branch is looked up for each job, but once for jobs that are created within so long."""
QUIET_SECONDS = 3.0
"""So long a pod may be silent before its events are asked for the cause."""
Tell = Callable[[observed.Refusal | None], None]
Key = tuple[str, str]
"""Namespace, and the hash of an order."""


class Refused(Exception):
    """A build that gives no image."""

    def __init__(self, refusal: observed.Refusal) -> None:
        """Carry why."""
        super().__init__(refusal.message)
        self.refusal = refusal


class Answers(Protocol):
    """Knows what orders gave before."""

    async def prepared(
        self, namespace: str, order: orders.Order, *, push_secret: str
    ) -> orders.Order:
        """Return an order whose hash is of all that goes in; raises RegistryError.

        What this process may not read is left to the pod where there is a push secret.
        """

    async def find(self, namespace: str, order: orders.Order) -> observed.BuiltImage | None:
        """Return the image that a pinned order gave before; raises RegistryError."""


class PodBuilds:
    """The builds in pods, as this process follows them."""

    def __init__(
        self,
        *,
        cache: caches.Cache,
        api: seams.Writer,
        answers: Answers,
        given: Callable[[str], pods.Surroundings],
        repository: Callable[[str], str],
        quiet: float = QUIET_SECONDS,
    ) -> None:
        """`given` and `repository`: what a namespace's build pods have, and where they push to."""
        self._cache = cache
        self._api = api
        self._answers = answers
        self._given = given
        self._repository = repository
        self._quiet = quiet
        self._flights = flights.Flights()
        self._going: dict[Key, float] = {}
        """The creation of the job for whose sake a build is followed now."""
        self._followers: dict[Key, set[asyncio.Event]] = {}
        self._askers: dict[Key, list[Tell]] = {}

    def changed(self, namespace: str, order: str) -> None:
        """Take note that the watch told of a build's Job or pods."""
        for news in self._followers.get((namespace, order), ()):
            news.set()

    async def make(
        self, job: observed.TrainingJobView, order: plan.BuildOrder, tell: Tell
    ) -> observed.BuiltImage:
        """Return the image of a job's order; raises Refused and RegistryError.

        `tell` is called with why a pod does not start, and with None once it has.
        """
        assert order.pod is not None
        wanted = await self._answers.prepared(
            job.key.namespace, order.pod, push_secret=order.push_secret
        )
        if wanted.pinned:
            known = await self._answers.find(job.key.namespace, wanted)
            if known is not None:
                return known
        key = (job.key.namespace, wanted.hash())
        askers = self._askers.setdefault(key, [])
        askers.append(tell)
        try:
            return await self._made(job, order.push_secret, wanted, key)
        finally:
            askers.remove(tell)
            if not askers:
                self._askers.pop(key, None)

    async def _made(
        self, job: observed.TrainingJobView, push_secret: str, wanted: orders.Order, key: Key
    ) -> observed.BuiltImage:
        since = 0.0 if wanted.pinned else job.created - SHARED_SECONDS
        going = self._going.get(key)
        if going is None or going < since:
            going = self._going[key] = job.created

        async def work() -> observed.BuiltImage:
            try:
                begun = await self._begun(key[0], wanted, push_secret, since)
                return await self._followed(key, begun)
            except errors.ApiError as error:
                raise Refused(_rejected(error)) from error
            finally:
                if self._going.get(key) == going:
                    del self._going[key]

        return await self._flights.join((*key, going), work)

    async def close(self) -> None:
        """Stop to follow; the pods go on, and are found again."""
        await self._flights.close()

    async def _followed(self, key: Key, begun: observed.JobView) -> observed.BuiltImage:
        news = asyncio.Event()
        followers = self._followers.setdefault(key, set())
        followers.add(news)
        told = None
        try:
            while True:
                news.clear()
                found = self._outcome(key, begun)
                if isinstance(found, observed.BuiltImage):
                    return found
                if isinstance(found, observed.Refusal):
                    raise Refused(found)
                silent = [each for each in found if each.container.started is None]
                told = await self._why(key, silent, told)
                await _news(news, self._pause(silent, told))
        finally:
            followers.discard(news)
            if not followers:
                self._followers.pop(key, None)

    def _outcome(
        self, key: Key, begun: observed.JobView
    ) -> observed.BuiltImage | observed.Refusal | tuple[observed.PodView, ...]:
        """Return what came of a build; its pods while it goes on."""
        current = next((each for each in self._cache.builds(*key) if each.uid == begun.uid), None)
        if current is None:
            return _gone(begun)
        found = self._cache.builders(current)
        ended = podbuilds.outcome(current, found, repository=self._repository(key[0]))
        return found if ended is None else ended

    async def _begun(
        self, namespace: str, order: orders.Order, push_secret: str, since: float
    ) -> observed.JobView:
        """Return the newest build that answers and has not failed, else a new one."""
        known = [
            each
            for each in self._cache.builds(namespace, order.hash())
            if each.created >= int(since) and not each.deleting and not each.condition("Failed")
        ]
        if known:
            return max(known, key=lambda each: each.created)
        manifest = pods.render(
            order, namespace=namespace, push_secret=push_secret, given=self._given(namespace)
        )
        begun = observe.job(await self._api.create_job(manifest))
        self._cache.put_workload(begun, answer=True)
        return begun

    async def _why(
        self, key: Key, silent: Sequence[observed.PodView], told: str | None
    ) -> str | None:
        """Tell all askers why a pod does not start, where that is new; return what they know.

        None: nothing was asked yet. Empty: it was, and nobody says why.
        """
        said = next((each for pod in silent if (each := podbuilds.waiting(pod))), "")
        if silent and not said and told is not None:
            said = await self._event(silent[0])
        if said != (told or ""):
            for tell in tuple(self._askers.get(key, ())):
                tell(_waits(said) if said else None)
        return said

    def _pause(self, silent: Sequence[observed.PodView], told: str | None) -> float | None:
        """Return how long to wait for news before a silent pod's events are read (again)."""
        if not silent:
            return None
        return self._quiet if not told else 10 * self._quiet

    async def _event(self, pod: observed.PodView) -> str:
        """Return what the newest warning of a pod says; empty where there is none."""
        target = plan.Inquiry("Pod", pod.name, pod.uid)
        event = await self._api.newest_warning(pod.namespace, target)
        if event is None:
            return ""
        said = str(event.get("message") or event.get("note"))[:600]
        return f"build pod {pod.name} does not start: {event.get('reason')}: {said}"


async def _news(news: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()


def _waits(said: str) -> observed.Refusal:
    message = f"{said}; create or mend what it names: the build goes on by itself"
    never = float("inf")
    return observed.Refusal(reasons.Reason.BUILD_POD_WAITING, message, False, retry_at=never)


def _gone(build: observed.JobView) -> observed.Refusal:
    message = f"build Job {build.name} was deleted before it ended: it is begun again"
    return observed.Refusal(reasons.Reason.BUILD_INTERRUPTED, message, terminal=False)


def _rejected(error: errors.ApiError) -> observed.Refusal:
    invalid = isinstance(error, errors.Invalid)
    advice = "have builder.resources of the chart mended" if invalid else "free quota"
    message = f"the API server refuses the build's Job: {error}; {advice}, it is tried again"
    return observed.Refusal(reasons.Reason.BUILD_REJECTED, message, terminal=False)
