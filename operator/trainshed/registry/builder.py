"""Makes images by registry calls alone: a base's layers, the training library, the code.

The registry is the cache. An image that exists costs one HEAD; equal builds at the same time are
made once; what was found or built a moment ago is not asked for again.
"""

from __future__ import annotations

import functools
import logging
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import httpx

from trainshed.builds import measures, orders, provenance, requests, sources
from trainshed.core import observed, plan
from trainshed.registry import (
    additions,
    admitted,
    afterwards,
    answers,
    authentication,
    credentials,
    describing,
    developing,
    errors,
    finding,
    flights,
    grounds,
    hosts,
    layouts,
    memo,
    packing,
    pushing,
    references,
    remembered,
    retries,
    targets,
    wanting,
)
from trainshed.registry import client as clients

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Times:
    """How long what; all in seconds."""

    base: float = 60.0
    """What a base's tag means is not asked for again."""
    found: float = 10.0
    """An image that was found is taken for being there."""
    build: float = 900.0
    """A build may take."""
    afterwards: float = 2.0
    """What no job waits for is begun so long after its image is there."""


class Builder:
    """Implements `runtime.building.Maker`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        target: targets.Target,
        logins: Callable[[], Mapping[str, credentials.Login]],
        library: Mapping[str, bytes],
        clock: Callable[[], float],
        patience: retries.Retries,
        times: Times = Times(),
        limit: int = sources.MAX_BYTES,
        whose: authentication.Whose = authentication.OPERATOR,
        issue: authentication.Issue | None = None,
        lender: authentication.Lender | None = None,
    ) -> None:
        """`library`: its files. `limit`: bytes of a source. `logins` to `lender`: see `Hosts`."""
        self._limit = limit
        self._hosts = hosts.Hosts(
            http,
            target=target,
            logins=logins,
            patience=patience,
            whose=whose,
            issue=issue,
            lender=lender,
        )
        self._target = target
        self._library = requests.tree_hash(library)
        self._clock = clock
        self._times = times
        self._bases = remembered.Bases(clock, seconds=times.base, longest=times.build)
        self._found = memo.Memo[tuple[str, str], observed.BuiltImage](clock, seconds=times.found)
        self._flights = flights.Flights()
        self._afterwards = afterwards.Afterwards(delay=times.afterwards)
        self._packer = packing.Packer(library)

    async def make(
        self,
        namespace: str,
        order: plan.BuildOrder,
        files: Mapping[str, bytes],
        added: additions.Additions | None = None,
    ) -> observed.BuiltImage:
        """Return the image, found or built; raises RegistryError, and Refused of `added`."""
        try:
            return await self._make(namespace, order, files, added)
        except (errors.RegistryError, additions.Refused):
            raise
        except Exception as error:
            _log.exception("build_broke namespace=%s", namespace)
            what = type(error).__name__
            raise errors.Rejected(
                f"the build broke in a way that nobody foresaw ({what}): see the operator's log"
            ) from error

    async def prepared(
        self, namespace: str, order: orders.Order, *, push_secret: str = ""
    ) -> orders.Order:
        """Return an order whose hash is of all that goes in: the base by digest, the library.

        A base that only the namespace's own credentials may read stays a name: the pod has them,
        if there is a push secret, and calls what this process must not.
        """
        admitted.check(self._target, namespace, order)
        order = replace(order, library=self._library)
        order = await developing.pinned(order, self._bases, self._hosts, self._target)
        if order.dockerfile is not None:
            return order  # what it stands on is in the source, and read by the pod alone
        base = references.parse(order.base)
        if not self._target.reaches(base.host):
            return order
        origin = self._hosts.client(self._target.url(base.host))
        try:
            digest = await self._bases.digest(order.base, base, origin)
        except (errors.Unauthorized, errors.Forbidden):
            if not push_secret:
                raise
            return order
        return replace(order, base=f"{base.host}/{base.repository}@{digest}")

    async def grounds(
        self, namespace: str, order: plan.BuildOrder, digest: str = ""
    ) -> Sequence[additions.Ground]:
        """Return the bases that an order's additions go onto; raises RegistryError."""
        known = (self._bases, self._hosts, self._target)
        return await grounds.read(*known, namespace=namespace, order=order, digest=digest)

    async def adopt(
        self, namespace: str, layout: pathlib.Path, platform: str, wanted: str = ""
    ) -> tuple[str, int]:
        """Push an image that lies in a folder; return its name as a base, and the bytes sent."""
        place = admitted.place(self._target, namespace, wanted)
        return await layouts.push(self._hosts.client(place.url), place, layout, platform)

    async def find(self, namespace: str, tag: str) -> observed.BuiltImage | None:
        """Return the image that an order gave before, by its tag; None where there is none."""
        repository, pull = self._target.repository(namespace), self._target.pull
        return await answers.find(self._hosts.own(), repository, tag, pull=pull)

    async def keep(self, namespace: str, tags: Sequence[str], image: observed.BuiltImage) -> None:
        """Have an order be answered by an image from now on, by these tags."""
        await answers.keep(self._hosts.own(), self._target.repository(namespace), tags, image)

    def own(self) -> clients.Client:
        """Return the client of the registry that images go to."""
        return self._hosts.own()

    async def finish(self, *, within: float) -> None:
        """Do what is left once images are there, for so many seconds at most."""
        await self._afterwards.done(within=within)

    async def close(self) -> None:
        """End the builds that are going on."""
        await self._afterwards.close()
        await self._flights.close()
        await self._bases.close()

    async def _make(
        self,
        namespace: str,
        order: plan.BuildOrder,
        files: Mapping[str, bytes],
        added: additions.Additions | None,
    ) -> observed.BuiltImage:
        started = self._clock()
        try:
            sources.check(files, limit=self._limit)
        except sources.SourceRefused as error:
            raise errors.SourceRefused(str(error)) from error
        wanted = await self._wanted(namespace, order, files, added)
        known = self._found.get(wanted.name)
        if known is not None and not wanted.forced:
            return replace(known.shared(), seconds=0.0)
        image = await self._joined(wanted, order.seconds or self._times.build)
        return replace(image, seconds=self._clock() - started)

    async def _wanted(
        self,
        namespace: str,
        order: plan.BuildOrder,
        files: Mapping[str, bytes],
        added: additions.Additions | None,
    ) -> wanting.Wanted:
        """Return the image that an order comes to: all that goes in, and where it goes."""
        base, force = references.parse(order.base), order.forced is not None
        self._target.admit(namespace, base)
        # Packages are chosen by what the base has: for them it is read in any case.
        origin = self._origin(base, unread=order.mounted and added is None, doubting=force)
        digest = await self._bases.digest(order.base, base, origin)
        request = wanting.request(order, files, library=self._library, base_digest=digest)
        place, settled = admitted.place(self._target, namespace, order.repository), None
        if added is not None:
            settled = await added.settle(await self.grounds(namespace, order, digest))
            request = replace(request, packages=settled.hash)
        to = pushing.Push(
            client=self._hosts.client(place.url, doubting=force),
            repository=place.repository,
            name=place.name,
            key=request.key(),
            origin=origin,
            source=base.repository,
            marks={**order.marks, **additions.marks(settled)},
            variant=provenance.variant(order.marks),
        )
        return wanting.Wanted(to=to, request=request, base=base, settled=settled, forced=force)

    async def _joined(self, wanted: wanting.Wanted, longest: float) -> observed.BuiltImage:
        """Return the image by one build, whoever else wants the same at the moment."""
        ours = False

        async def work() -> observed.BuiltImage:
            nonlocal ours
            ours = True
            return await retries.in_time(lambda: self._find_or_push(wanted), longest)

        image = await self._flights.join((*wanted.name, wanted.forced), work)
        self._found.put(wanted.name, image)
        return image if ours else image.shared()

    async def _find_or_push(self, wanted: wanting.Wanted) -> observed.BuiltImage:
        found = None if wanted.forced else await finding.find(wanted.to, wanted.says())
        watch = measures.Stopwatch(self._clock)
        if found is None:
            with watch.phase(measures.Phase.PACK):
                own = await self._parts(wanted)
            parts = await additions.under(own, wanted.settled, wanted.request)
            with watch.phase(measures.Phase.PUSH):
                digest, uploaded = await pushing.push(wanted.to, parts)
        else:
            digest, uploaded = found
        if uploaded:
            self._follow_up(wanted, digest)
        return wanted.image(digest, hit=found is not None, uploaded=uploaded, phases=watch.seconds)

    def _follow_up(self, wanted: wanting.Wanted, digest: str) -> None:
        """Have done later what no job waits for: its packages are kept, its contents listed."""
        to, request, settled = wanted.to, wanted.request, wanted.settled
        if settled is not None:
            self._afterwards.add("packages", settled.keep)
        known = settled.contents if settled else {}
        self._afterwards.add(
            "bom", functools.partial(describing.describe, to, digest, request, wanted.base, known)
        )

    async def _parts(self, wanted: wanting.Wanted) -> list[pushing.Part]:
        """Return the image of each platform: its own base, and what goes onto it."""
        request = wanted.request
        found = await grounds.below(self._bases, wanted.to.origin, wanted.base, request)
        shared = await self._packer.pack(request)
        return [pushing.Part(each, tuple(shared)) for each in found]

    def _origin(
        self, base: references.Reference, *, unread: bool, doubting: bool
    ) -> clients.Client:
        """Return the client of a base's registry; raises NotAllowed.

        One that runs as it is, by a digest that is known, is the nodes' alone to call.
        """
        if unread and base.digest:
            return self._hosts.own(doubting=doubting)
        return self._hosts.client(self._target.url(base.host), doubting=doubting)
