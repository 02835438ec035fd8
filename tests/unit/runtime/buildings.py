"""The builds of one job, by a maker of images that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests import builders, facts
from tests.unit.runtime import world as worlds
from trainshed.builds import dockerfiles, orders, pods
from trainshed.core import observed, plan
from trainshed.runtime import building, gates, podbuilds, seams
from trainshed.runtime import cache as caches

KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)


UID = observed.Uid(builders.UID)


ORDER = plan.BuildOrder(base=builders.BASE, entrypoint=("x",))


ENGINE = dockerfiles.Engine(dockerfiles.Kind.BUILDAH, "registry/buildah", "1Gi")


FROM_MAP = plan.BuildOrder(
    base=builders.BASE,
    entrypoint=("x",),
    source_entrypoint=("python", "train.py"),
    config_map="code",
)


@dataclass
class Maker:
    """Makes images as it is told."""

    seconds: float = 0.0
    error: Exception | None = None
    files: list[Mapping[str, bytes]] = field(default_factory=list)
    image: observed.BuiltImage | None = None
    busy: int = 0
    busiest: int = 0

    async def make(
        self, namespace: str, order: plan.BuildOrder, files: Mapping[str, bytes]
    ) -> observed.BuiltImage:
        """Return an image after some seconds, or raise."""
        self.files.append(files)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.busy -= 1
        if self.error is not None:
            raise self.error
        image = self.image or facts.built().image
        assert image is not None
        return image


class Answers:
    """Knows what orders gave before: what a test lets it know."""

    def __init__(self, known: Mapping[str, observed.BuiltImage] | None = None) -> None:
        self._known = known or {}

    async def prepared(
        self, namespace: str, order: orders.Order, *, push_secret: str
    ) -> orders.Order:
        """Return the order as it is."""
        return order

    async def find(self, namespace: str, tag: str) -> observed.BuiltImage | None:
        """Return what an order gave, by its tag."""
        return self._known.get(tag)


class Mounts:
    """Nodes that mount images, or don't."""

    def __init__(self, refusal: observed.Refusal | None = None) -> None:
        self._refusal = refusal
        self.asked: list[str] = []

    async def refusal(self, selector: str) -> observed.Refusal | None:
        """Return what it was made with."""
        self.asked.append(selector)
        return self._refusal

    async def close(self) -> None:
        """Nothing is open."""


def following(
    cache: caches.Cache,
    api: seams.Writer,
    quiet: float = 3.0,
    answers: podbuilds.Answers | None = None,
    clock: Callable[[], float] = lambda: builders.T0,
    prepull: podbuilds.Prepull = podbuilds.no_prepull,
) -> podbuilds.PodBuilds:
    """Return the builds in pods, which push to `registry/ns/NAMESPACE`."""
    return podbuilds.PodBuilds(
        cache=cache,
        api=api,
        answers=answers or Answers(),
        given=lambda namespace: pods.Surroundings("registry/builder", "{}", engine=ENGINE),
        repository=lambda namespace: f"registry/ns/{namespace}",
        gate=gates.Gate(api, True),
        quiet=quiet,
        clock=clock,
        prepull=prepull,
    )


class Bench:
    """The builds of one job."""

    def __init__(
        self, maker: Maker, *, parallel: int = 16, unable: observed.Refusal | None = None
    ) -> None:
        self.world = worlds.World(clock=lambda: builders.T0, fate=worlds.Fate())
        self.cache = caches.Cache()
        self.job = builders.training_job().cnn().view()
        self.cache.put_job(self.job)
        self.woken: list[observed.JobKey] = []
        self.counted: list[str] = []
        self.hits: list[str] = []
        self.worked: list[tuple[Mapping[str, float], int]] = []
        self.mounts = Mounts(unable)
        self.builds = building.Builds(
            cache=self.cache,
            maker=maker,
            api=self.world,
            clock=self.world.clock,
            wake=self.woken.append,
            pods=following(self.cache, self.world),
            mounts=self.mounts,
            observe=lambda seconds, result: self.counted.append(result),
            hit=self.hits.append,
            worked=lambda phases, sent: self.worked.append((phases, sent)),
            parallel=parallel,
        )

    def refusal(self) -> observed.Refusal:
        """Return why there is no image."""
        view = self.cache.build(UID)
        assert view is not None
        assert view.refusal is not None
        return view.refusal
