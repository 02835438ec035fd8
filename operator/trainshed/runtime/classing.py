"""The AcceleratorClasses of the cluster: those of the chart are made, and each tells its state.

Only the leader writes here. Nodes change in crowds: all that changed within a pause is one look at
every class, and a class whose status would stay as it is stored costs no write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pydantic

from trainshed import config
from trainshed.accelerators import classes
from trainshed.api import accelerator_class
from trainshed.core import patching, stock
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds, ratelimit
from trainshed.runtime import places as places_
from trainshed.runtime import shipped

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Between two looks."""
LONGEST_SECONDS = 60.0
"""The same after writes that failed, at most."""


async def prepare(api: clients.Client, settings: config.AcceleratorClasses) -> None:
    """Make the classes of the chart."""
    if settings.enabled:
        await shipped.ensure(api, settings.shipped)


async def run(
    api: clients.Client,
    places: places_.Places,
    settings: config.AcceleratorClasses,
    *,
    synced: asyncio.Event,
    clock: Callable[[], float],
) -> None:
    """Keep the statuses of all classes; never returns.

    `synced`: set once every node, class and pod that there is has been told.
    """
    if not settings.enabled:
        await asyncio.Event().wait()
    await synced.wait()
    await Statuses(api, places, clock=clock).keep()


class Statuses:
    """Writes the status of each class when it is another one than is stored."""

    def __init__(
        self, api: clients.Client, places: places_.Places, *, clock: Callable[[], float]
    ) -> None:
        """Look at these places, now and whenever they change."""
        self._api = api
        self._places = places
        self._clock = clock
        self._news = asyncio.Event()
        self._news.set()
        places.on_news(self._news.set)

    async def keep(self) -> None:
        """Write for ever."""
        pause = PAUSE_SECONDS
        while True:
            await self._news.wait()
            await asyncio.sleep(pause)
            self._news.clear()
            if await self._written():
                pause = PAUSE_SECONDS
            else:
                pause = min(2 * pause, LONGEST_SECONDS)
                self._news.set()

    async def _written(self) -> bool:
        """Write what is new; return whether all of it is stored."""
        failed = False
        for class_ in tuple(self._places.index.known().values()):
            if class_.name not in self._places.stored:
                continue  # it has gone since
            try:
                await self._write(class_)
            except errors.NotFound:
                continue  # the watch will tell
            except errors.ApiError as error:
                failed = True
                extra = {"class": class_.name, "error": str(error)}
                log.warning("class_status_not_written", extra=extra)
        return not failed

    async def _write(self, class_: classes.Class) -> None:
        stored = self._places.stored[class_.name]
        try:
            before = accelerator_class.AcceleratorClassStatus.model_validate(stored)
        except pydantic.ValidationError:
            before = accelerator_class.AcceleratorClassStatus()
        wanted = stock.decide(
            class_,
            places=self._places.index,
            devices=self._places.usage,
            before=before,
            now=self._clock(),
        ).dump()
        patch = patching.merge_patch(stored, wanted)
        if not patch:
            return
        await self._api.patch_merge(
            kinds.CLASSES,
            {"status": patch},
            name=class_.name,
            subresource="status",
            lane=ratelimit.Lane.CLASS,
        )
        # Unless the watch has told of another one meanwhile.
        if self._places.stored.get(class_.name) is stored:
            self._places.stored[class_.name] = wanted
