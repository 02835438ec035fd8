"""Builds that need a pod: begun once for equal orders of a namespace, and followed to their end.

Nothing is kept but what the watch tells: after a restart a Job that goes on is found by its label.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trainshed.builds import freshness, orders, pods
from trainshed.core import observe, observed, plan, podbuilds, sharing
from trainshed.kube import errors
from trainshed.registry import flights
from trainshed.runtime import cache as caches
from trainshed.runtime import causes, gates, podaccounts, rejections, seams

QUIET_SECONDS = 3.0
"""So long a pod may be silent before its events are asked for the cause."""
Tell = Callable[[observed.Refusal | None], None]
Worked = podaccounts.Worked
Prepull = Callable[[str, plan.BuildOrder, str], Awaitable[None]]
"""Called once a build was begun: with its namespace, a job's order, and the base as resolved."""
Key = tuple[str, str]
"""Namespace, and what equal builds are shared by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """What a job wants to be built, and what answers it."""

    asked: plan.BuildOrder
    order: orders.Order
    """What it comes to: with all that is known of what goes in."""
    secrets: pods.Secrets
    key: Key
    place: str
    """Host and path that the image goes to: none is taken from elsewhere."""
    need: sharing.Need
    seconds: float
    """So long a new build may take; 0: as the settings say."""


async def no_prepull(namespace: str, order: plan.BuildOrder, base: str) -> None:
    """Have nothing pulled before it is needed."""


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

    async def find(self, namespace: str, tag: str) -> observed.BuiltImage | None:
        """Return the image that an order gave before, by its tag; raises RegistryError."""


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
        gate: gates.Gate,
        quiet: float = QUIET_SECONDS,
        clock: Callable[[], float] = time.time,
        worked: Worked = lambda phases, sent: None,
        prepull: Prepull = no_prepull,
    ) -> None:
        """`given` and `repository`: what a namespace's build pods have, and where they push to.

        `gate`: which namespaces' Dockerfiles are built.
        """
        self._clock = clock
        self._accounts = podaccounts.Accounts(worked, clock)
        self._cache = cache
        self._api = api
        self._answers = answers
        self._given = given
        self._repository = repository
        self._gate = gate
        self._causes = causes.Causes(api, quiet=quiet)
        self._prepull = prepull
        self._flights = flights.Flights()
        self._going: dict[Key, float] = {}
        """The creation of the job for whose sake a build is begun now."""
        self._followers: dict[Key, set[asyncio.Event]] = {}
        self._askers: dict[observed.Uid, list[Tell]] = {}
        self._words: dict[observed.Uid, observed.Refusal | None] = {}
        """What the askers of a build's Job were told last."""

    def changed(self, namespace: str, order: str) -> None:
        """Take note that the watch told of a build's Job or pods."""
        for news in self._followers.get((namespace, order), ()):
            news.set()

    def hear(self, pod: observed.PodView, words: str) -> bool:
        """Take what a build's pod says itself; return whether it is of an image.

        The kubelet tells of its end a second later.
        """
        if not isinstance(podbuilds.read(words), observed.BuiltImage):
            return False
        self._accounts.heard(pod.uid, words)
        self.changed(pod.namespace, pod.build)
        return True

    async def make(
        self, job: observed.TrainingJobView, order: plan.BuildOrder, tell: Tell
    ) -> observed.BuiltImage:
        """Return the image of a job's order; raises Refused and RegistryError.

        `tell` is called with why a pod does not start, and with None once it has.
        """
        assert order.pod is not None
        if order.pod.dockerfile is not None:
            refusal = await self._gate.refusal(job.key.namespace)
            if refusal is not None:
                raise Refused(refusal)
        wanted = await self._answers.prepared(
            job.key.namespace, order.pod, push_secret=order.push_secret
        )
        now = self._clock()
        tag = freshness.tag(wanted, now=now)
        if tag is not None and not wanted.force:
            known = await self._answers.find(job.key.namespace, tag)
            if known is not None:
                return known
        secrets = pods.Secrets(order.push_secret, order.pull_secrets)
        key = (job.key.namespace, pods.shared(wanted, secrets))
        ask = _Ask(
            asked=order,
            order=wanted,
            secrets=secrets,
            key=key,
            place=wanted.repository or self._repository(job.key.namespace),
            need=sharing.need(job, since=freshness.since(wanted, now=now), forced=order.forced),
            seconds=order.seconds,
        )
        begun = await self._begun(job, ask)
        return await self._joined(ask, begun, tell)

    async def close(self) -> None:
        """Stop to follow; the pods go on, and are found again."""
        await self._flights.close()

    async def _begun(self, job: observed.TrainingJobView, ask: _Ask) -> observed.JobView:
        """Return the newest build that answers and may give an image, else a new one."""
        key, need = ask.key, ask.need
        known = sharing.newest(
            each
            for each in self._cache.builds(*key)
            if need.met(each) and not each.deleting and self._may_give(ask, each)
        )
        if known is not None:
            return known
        going = self._going.get(key)
        if going is None or going < need.begun:
            going = self._going[key] = job.created
        work = functools.partial(self._create, ask, going)
        return await self._flights.join(("begin", *key, going), work)

    def _may_give(self, ask: _Ask, build: observed.JobView) -> bool:
        # One that ended without an image is never followed again: it would only refuse again.
        return not isinstance(self._outcome(ask, build), observed.Refusal)

    async def _create(self, ask: _Ask, going: float) -> observed.JobView:
        """Return a new build; raises Refused."""
        key = ask.key
        try:
            given = self._given(key[0])
            given = replace(given, deadline=ask.seconds or given.deadline)
            manifest = pods.render(ask.order, namespace=key[0], given=given, secrets=ask.secrets)
            if pods.too_large(manifest):
                raise Refused(rejections.oversized(ask.order))
            body = await self._api.create_job(manifest)
        except errors.ApiError as error:
            raise Refused(rejections.rejected(error)) from error
        finally:
            if self._going.get(key) == going:
                del self._going[key]
        begun = observe.job(body)
        self._accounts.begun(begun.uid)
        self._cache.put_workload(begun, answer=True)
        await self._prepull(key[0], ask.asked, ask.order.base)
        return begun

    async def _joined(self, ask: _Ask, begun: observed.JobView, tell: Tell) -> observed.BuiltImage:
        """Follow a build together with whoever does already; raises Refused."""
        askers = self._askers.setdefault(begun.uid, [])
        askers.append(tell)
        try:
            word = self._words.get(begun.uid)
            if word is not None:
                tell(word)
            follow = functools.partial(self._followed, ask, begun)
            return await self._flights.join(("follow", begun.uid), follow)
        finally:
            askers.remove(tell)
            if not askers:
                self._askers.pop(begun.uid, None)

    async def _followed(self, ask: _Ask, begun: observed.JobView) -> observed.BuiltImage:
        news = asyncio.Event()
        followers = self._followers.setdefault(ask.key, set())
        followers.add(news)
        try:
            return await self._to_its_end(ask, begun, news)
        finally:
            self._words.pop(begun.uid, None)
            followers.discard(news)
            if not followers:
                self._followers.pop(ask.key, None)

    async def _to_its_end(
        self, ask: _Ask, begun: observed.JobView, news: asyncio.Event
    ) -> observed.BuiltImage:
        told: str | None = None
        ended: dict[observed.Uid, observed.PodView] = {}
        while True:
            news.clear()
            current = next(
                (each for each in self._cache.builds(*ask.key) if each.uid == begun.uid), None
            )
            if current is None:
                raise Refused(podbuilds.gone(begun))
            known = tuple(map(self._accounts.known, self._cache.builders(current)))
            # A Job that is out of time deletes its pods: their last words are kept here.
            self._accounts.seen(begun.uid, known)
            ended |= {each.uid: each for each in known if each.container.exit_code is not None}
            found = self._outcome(ask, current, tuple(ended.values()))
            if isinstance(found, observed.BuiltImage):
                self._accounts.ended(begun.uid, found)
                return found
            if found is not None:
                raise Refused(found)
            told = await self._why(current, known, told)
            await _news(news, self._causes.pause(current, known, told))

    def _outcome(
        self, ask: _Ask, build: observed.JobView, gone: Sequence[observed.PodView] = ()
    ) -> observed.BuiltImage | observed.Refusal | None:
        """Return what came of a build, as far as the watch told; None while it goes on."""
        there = map(self._accounts.known, self._cache.builders(build))
        known = {each.uid: each for each in (*gone, *there)}
        return podbuilds.outcome(
            build,
            tuple(known.values()),
            repository=ask.place,
            now=self._clock(),
        )

    async def _why(
        self,
        build: observed.JobView,
        known: Sequence[observed.PodView],
        told: str | None,
    ) -> str:
        """Tell all askers why no pod starts, where that is new; return what they know."""
        said = await self._causes.of(build, known, told)
        if said != (told or ""):
            self._tell(build.uid, podbuilds.waits(said) if said else None)
        return said

    def _tell(self, build: observed.Uid, word: observed.Refusal | None) -> None:
        """Tell all who ask for a build, and who joins them later."""
        self._words[build] = word
        for tell in tuple(self._askers.get(build, ())):
            tell(word)


async def _news(news: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
