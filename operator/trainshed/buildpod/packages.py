"""A job's packages as layers: what the base has, what is lacking, installed and packed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import pathlib
from collections.abc import Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

from trainshed.buildpod import (
    compiled,
    distributions,
    installing,
    locks,
    resolving,
    sdists,
    shelf,
    stocktaking,
    uv,
    wishes,
    wishing,
)
from trainshed.builds import (
    bom,
    inventories,
    manifests,
    measures,
    orders,
    pods,
    requirements,
    stored,
)
from trainshed.builds import layers as packed
from trainshed.registry import additions

_PTH = "trainshed-packages.pth"
_LINE = f'import site; site.addsitedir("{manifests.PACKAGES}")\n'
"""By `site`, so that .pth files among the packages work; behind the base's own folders."""
_AT_ONCE = 2
"""Layers are packed: hashing and compressing leave Python to the others."""
log = logging.getLogger("trainshed.buildpod")


@dataclass(frozen=True, slots=True)
class Packages:
    """Implements `additions.Additions` for the requirements of an order, and its extensions."""

    wanted: requirements.Requirements
    """Of nothing, where there are extensions alone."""
    files: Mapping[str, bytes] = field(repr=False)
    """Of the source, among which a file of requirements is."""
    index: uv.Index
    work: pathlib.Path
    limit: int
    """Bytes that the packages may have."""
    watch: measures.Stopwatch
    wheel: compiled.Wheel | None = None
    """The code's own extensions."""
    made: sdists.Made | None = None
    """What was chosen and built already; None where wheels alone are taken."""

    async def settle(self, grounds: Sequence[additions.Ground]) -> additions.Settled:
        """Return what the bases lack; raises BuildFailed and RegistryError."""
        wish = wishes.read(self.wanted, self.files)
        found = {}
        for ground in grounds:
            with self.watch.phase(measures.Phase.INVENTORY):
                base = await stocktaking.take(ground)
            folder = self.work / ground.platform.replace("/", "-")
            folder.mkdir(parents=True, exist_ok=True)
            built = self.made.folder if self.made is not None else None
            program = uv.Uv(self.index, work=folder, built=built)
            with self.watch.phase(measures.Phase.RESOLVE):
                lock = await asyncio.to_thread(self._lock, wish, base, program, folder)
            found[ground.platform] = _One(base, lock, program, folder, ground.place)
            log.info("lock for %s:\n%s", ground.platform, lock.text[:20_000].rstrip())
        return _Settled(found, self)

    def _lock(
        self,
        wish: wishes.Wish,
        base: inventories.Inventory,
        program: uv.Uv,
        work: pathlib.Path,
    ) -> resolving.Lock:
        limits = self.wanted.constraints
        if self.made is not None:
            return self.made.locked(wish, base, program=program, constraints=limits)
        return resolving.resolve(wish, base, program=program, work=work, constraints=limits)


@dataclass(frozen=True, slots=True)
class _One:
    """What is known of one platform."""

    base: inventories.Inventory
    lock: resolving.Lock
    program: uv.Uv
    folder: pathlib.Path
    place: additions.Place

    def shelf(self, compression: str) -> shelf.Shelf:
        """Return what is kept of distributions as this platform wants them."""
        return shelf.Shelf(self.place, self.base, compression)


@dataclass(frozen=True, slots=True)
class _Settled:
    """Implements `additions.Settled`."""

    platforms: Mapping[str, _One]
    of: Packages
    fresh: list[tuple[shelf.Shelf, str, shelf.Kept]] = field(default_factory=list)
    """Layers that were packed here, with the part of the lock that each is of."""
    reused: set[str] = field(default_factory=set)
    """Distributions whose layers were kept."""

    @property
    def hash(self) -> str:
        """Return a hash of the locks, and of where they come to lie."""
        found = self.platforms.items()
        parts = [[name, each.base.site, each.lock.text] for name, each in found]
        if self.of.wheel is not None:
            parts.append([self.of.wheel.hash])
        text = json.dumps([requirements.VERSION, *parts])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def lock_hash(self) -> str:
        """Return `sha256:<hex>` of the lock; of several platforms, of all with their names.

        Empty where nothing was to be chosen: there are extensions alone.
        """
        if not self.of.wanted.something:
            return ""
        found = {name: each.lock for name, each in self.platforms.items()}
        if len(found) == 1:
            return next(iter(found.values())).hash
        return resolving.Lock(json.dumps({name: lock.text for name, lock in found.items()})).hash

    @property
    def programs(self) -> str:
        """Return the folder of the packages' programs."""
        return f"{manifests.PACKAGES}/bin"

    @property
    def contents(self) -> Mapping[str, bom.Packages]:
        """Return what is in the image of each platform: the base's packages, and these."""
        return {
            platform: bom.Packages(
                base=[bom.Package(*each) for each in one.base.packages.items()],
                added=[*bom.locked(one.lock.text), *self._compiled],
            )
            for platform, one in self.platforms.items()
        }

    @property
    def _compiled(self) -> Sequence[bom.Package]:
        wheel = self.of.wheel
        return [] if wheel is None else [bom.Package(wheel.name, wheel.version)]

    @property
    def hits(self) -> Sequence[str]:
        """Return what was found in place of being made."""
        return (measures.Hit.REQUIREMENTS,) if self.reused else ()

    async def layers(self, platform: str, *, compression: str, room: int) -> Sequence[packed.Layer]:
        """Return the layers of a platform's packages; raises BuildFailed.

        Those of big distributions come first, by name, whether they were kept or are made now.
        """
        one, watch = self.platforms[platform], self.of.watch
        kept = one.shelf(compression)
        with watch.phase(measures.Phase.RESOLVE):
            known = _largest(await kept.find(one.lock.text), room=room - 1)
        self.reused.update(known)
        log.info("installing and packing for %s: %d distributions are kept", platform, len(known))
        # One is for the rest.
        most = room - len(known) - 1
        with watch.phase(measures.Phase.INSTALL):
            installed = await asyncio.to_thread(self._installed, one, known, most)
        with watch.phase(measures.Phase.PACK):
            locked = self.of.wanted.something
            made, _ = await asyncio.gather(
                asyncio.to_thread(_packed, one, installed, compression, locked),
                asyncio.to_thread(one.program.forget),
            )
        rest = made.pop("")
        blocks = locks.blocks(one.lock.text)
        self.fresh.extend((kept, blocks[name], each) for name, each in made.items())
        big = {**known, **made}
        return [*(big[name].layer for name in sorted(big)), rest.layer]

    async def keep(self) -> None:
        """Keep the layers of big distributions that were made here."""
        for kept, text, each in self.fresh:
            await kept.keep(text, each)

    def _installed(
        self, one: _One, known: Mapping[str, shelf.Kept], room: int
    ) -> installing.Installed:
        options = resolving.target(one.base)
        beside = {name: each.size for name, each in known.items()}
        installer = installing.Installer(
            one.folder, lambda lock, folder: one.program.install(lock, folder, *options)
        )
        found = installer.run(
            locks.without(one.lock.text, known.keys()),
            room=room,
            limit=self.of.limit,
            beside=beside,
        )
        if self.of.wheel is not None:
            compiled.install(self.of.wheel, one.base, program=one.program, folder=found.rest)
            distributions.check(found.rest, limit=self.of.limit, beside=beside)
            distributions.tidy(found.rest)
        return found


def _packed(
    one: _One, installed: installing.Installed, compression: str, locked: bool
) -> dict[str, shelf.Kept]:
    """Return the layers by their distribution's name; the rest has none, and the lock, if any."""
    texts = {f"{one.base.site}/{_PTH}": _LINE}
    if locked:
        texts[manifests.LOCK] = one.lock.text
    extra = {name: text.encode() for name, text in texts.items()}

    def pack(name: str) -> shelf.Kept:
        folder = installed.alone[name] if name else installed.rest
        sizes = distributions.sizes(folder)
        layer = stored.pack(
            folder,
            sizes,
            prefix=manifests.PACKAGES,
            compression=compression,
            out=one.folder / f"layer-{name}",
            comment=f"trainshed: {name or 'packages'}",
            extra=None if name else extra,
        )
        return shelf.Kept(layer, sum(sizes.values()))

    names = [*installed.alone, ""]
    with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(names, pool.map(pack, names), strict=True))


def _largest(found: Mapping[str, shelf.Kept], *, room: int) -> dict[str, shelf.Kept]:
    """Return as many of the kept as an image has room for."""
    most = max(0, min(room, distributions.MOST_LAYERS))
    names = sorted(found, key=lambda name: (-found[name].size, name))[:most]
    return {name: found[name] for name in names}


def of(
    order: orders.Order,
    settings: Mapping[str, Any],
    files: Mapping[str, bytes],
    watch: measures.Stopwatch,
) -> Packages | None:
    """Return the packages that an order asks for; None where it asks for none."""
    if order.requirements is None and not order.compile:
        return None
    index, limit = wishing.index(order, settings), int(settings["packagesBytes"])
    work, made = pathlib.Path(pods.WORK) / "packages", None
    if order.makes_wheels:
        made = sdists.collected(index.url, work / "made", limit=limit)
        watch.add(measures.Phase.WHEELS, sdists.seconds())
    return Packages(
        wanted=order.requirements or requirements.Requirements(),
        files=files,
        index=index,
        work=work,
        limit=limit,
        watch=watch,
        wheel=compiled.wheel() if order.compile else None,
        made=made,
    )
