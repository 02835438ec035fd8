"""`python3 -m trainshed.buildpod`: makes the image of the order that the pod is given.

Exit codes: 0 the image is there; 1 it is not, and trying again may help; 2 trying again can't.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pathlib
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trainshed.api import reasons
from trainshed.buildpod import (
    compiled,
    failing,
    fetching,
    granted,
    handing,
    makers,
    packages,
    places,
    staging,
    tails,
    telling,
    wishing,
    words,
)
from trainshed.builds import (
    dockerfiles,
    freshness,
    measures,
    orders,
    pods,
    provenance,
    requests,
    stages,
)
from trainshed.core import observed, plan
from trainshed.registry import errors, packing

BuildReason, Reason = reasons.BuildReason, reasons.Reason
LONGEST_SECONDS = 86_400.0
MESSAGE = pathlib.Path("/dev/termination-log")
FINISH_SECONDS = 15.0
"""What no job waits for may take so long: an image without it is an image."""

log = logging.getLogger("trainshed.buildpod")


def main() -> int:
    """Build, and leave the result as the pod's last words."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    # Each request would be a line, with an address that may hold a signature of where blobs lie.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    files = pathlib.Path(pods.FILES)
    order = orders.load((files / "order.json").read_text(encoding="utf-8"))
    settings = json.loads((files / "settings.json").read_text(encoding="utf-8"))
    tail = tails.Tail()
    logging.getLogger("trainshed").addHandler(tail)
    try:
        if sys.argv[1:] == [stages.FETCH]:
            return fetch(order, settings, tail)
        image = asyncio.run(build(order, settings))
    except Exception as error:
        if not isinstance(error, failing.BuildFailed | errors.RegistryError):
            log.exception("the build broke")
            what = type(error).__name__
            error = failing.BuildFailed(
                Reason.BUILD_FAILED,
                f"the build broke in a way that nobody foresaw ({what}): it is tried again; read"
                " the pod's log",
                terminal=False,
            )
        MESSAGE.write_text(_refused(error, tail))
        log.error("%s: %s", error.reason, error)
        return 2 if error.terminal else 1
    MESSAGE.write_text(words.built(image))
    log.info("%s", image.ref)
    return 0


def fetch(order: orders.Order, settings: Mapping[str, Any], tail: tails.Tail) -> int:
    """Fetch a source for the step that runs what is in it; the step behind that tells failures."""
    try:
        _check_library(order)
        registries = places.of(order, settings)
        fetched = fetching.fetch(order, registries)
        if order.dockerfile is not None:
            _lay_out(order, fetched, registries)
        elif order.compile:
            compiled.lay_out(order, fetched)
        else:
            handing.lay_out(fetched.files, fetched.revision, pathlib.Path("/"))
        if order.makes_wheels:
            wishing.lay_out(order, settings, registries, fetched.files)
    except (failing.BuildFailed, errors.RegistryError) as error:
        pathlib.Path(dockerfiles.REFUSAL).write_text(_refused(error, tail), encoding="utf-8")
        log.error("%s: %s", error.reason, error)
        return 0
    log.info("fetched %s: %d files", fetched.revision, len(fetched.files))
    return 0


def _refused(error: failing.BuildFailed | errors.RegistryError, tail: tails.Tail) -> str:
    """Return the last words of a build: the message has its cause, the log what led to it."""
    return words.refused(error.reason, str(error), terminal=error.terminal, log=tail.text)


def _lay_out(order: orders.Order, fetched: fetching.Fetched, registries: places.Places) -> None:
    ca_file = registries.ca_file
    staging.lay_out(
        order,
        fetched,
        target=registries.target,
        ca_pem=pathlib.Path(ca_file).read_text(encoding="ascii") if ca_file else "",
        without_tls=map(str, registries.settings.get("withoutTls") or ()),
        login=asyncio.run(granted.lent(registries.settings)),
    )


async def build(order: orders.Order, settings: Mapping[str, Any]) -> observed.BuiltImage:
    """Return the image; raises BuildFailed and RegistryError."""
    began, looked_up = time.monotonic(), time.time()
    watch = measures.Stopwatch(time.monotonic)
    _check_library(order)
    registries = places.of(order, settings)
    # Said before, too: these may be the last words of a pod that is out of time.
    log.info("fetching the code")
    with watch.phase(measures.Phase.FETCH):
        fetched = await asyncio.to_thread(_code, order, registries)
    log.info("fetched %s: %d files; packing and pushing", fetched.revision, len(fetched.files))
    if order.compile:
        watch.add(measures.Phase.COMPILE, compiled.seconds())
    async with makers.opened(order, settings, registries) as maker:
        namespace = str(settings["namespace"])
        packed, sent = _packed(order, fetched), 0
        if order.dockerfile is not None:
            watch.add(measures.Phase.ENGINE, staging.engine_seconds())
            built, (platform, *_) = pathlib.Path(dockerfiles.BUILT), order.platforms
            with watch.phase(measures.Phase.PUSH):
                base, sent = await maker.adopt(namespace, built, platform, order.repository)
            packed = replace(packed, base=base)
        added = packages.of(order, settings, fetched.files, watch)
        made = await maker.make(namespace, packed, fetched.files, added)
        image = replace(
            made,
            seconds=time.monotonic() - began,
            uploaded_bytes=sent + made.uploaded_bytes,
            source_revision=fetched.revision,
            phases=measures.summed(watch.seconds, made.phases),
        )
        log.info("seconds: %s", json.dumps(image.phases))
        log.info("image after %.2f s, %d bytes sent", image.seconds, image.uploaded_bytes)
        await asyncio.gather(
            telling.tell(settings["operator"], words.built(image)),
            # What no job waits for.
            maker.keep(namespace, _answered(order, fetched, began=looked_up), image),
            maker.finish(within=FINISH_SECONDS),
        )
    return image


def _code(order: orders.Order, registries: places.Places) -> fetching.Fetched:
    """Return the code of an order, as this step or one before it has fetched it."""
    if order.compile:
        return compiled.collected(order)
    if order.dockerfile is not None:
        return staging.collected(order)
    if order.makes_wheels:
        handing.check_told(pathlib.Path("/"))
        return handing.collected(order.max_bytes, pathlib.Path("/"))
    return fetching.fetch(order, registries)


def _answered(order: orders.Order, fetched: fetching.Fetched, *, began: float) -> tuple[str, ...]:
    """Return the tags by which an order is answered from now on, by what was looked up then."""
    if order.revision not in ("", fetched.revision):
        return ()
    return freshness.tags(replace(order, force=False), began=began)


def _check_library(order: orders.Order) -> None:
    """Refuse to pack another training library than the operator's: its hash is in the order's."""
    own = requests.tree_hash(packing.read_library(makers.LIBRARY))
    if order.library and order.library != own:
        raise failing.BuildFailed(
            BuildReason.BUILDER_OUTDATED,
            "the builder's image is of another release than the operator: it is tried again; set"
            " builder.image of the chart to the operator's own release",
            terminal=False,
        )


def _packed(order: orders.Order, fetched: fetching.Fetched) -> plan.BuildOrder:
    return plan.BuildOrder(
        base=order.base,
        entrypoint=order.entrypoint,
        source_entrypoint=order.source_entrypoint,
        compression=order.compression,
        platforms=order.platforms,
        mounted=order.mounted,
        marks=provenance.of(order, fetched.revision),
        # The pod's Job ends it in time.
        seconds=LONGEST_SECONDS,
        forced=0.0 if order.force else None,
        repository=order.repository,
    )


if __name__ == "__main__":
    sys.exit(main())
