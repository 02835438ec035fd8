"""The build phase when nothing changed, by the operator's own builder and a real registry."""

from __future__ import annotations

import pathlib
import time

from trainshed.core import plan
from trainshed.registry import opening, targets

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "images" / "trainer"
ROUNDS = 10


async def unchanged(push: str, pull: str) -> list[float]:
    """Return the seconds of builds whose image exists, each by a builder that remembers nothing."""
    order = plan.BuildOrder(
        base=f"{pull}/trainshed/pytorch:dev", entrypoint=("python3", "train.py"), files={}
    )
    seconds = []
    for number in range(ROUNDS + 1):
        target = targets.Target(push=push, pull=pull, prefix="trainshed", allowed=frozenset())
        async with opening.open_builder(
            target=target,
            ca_file="",
            credentials_file="",
            library=LIBRARY,
            clock=time.monotonic,
        ) as one:
            started = time.monotonic()
            image = await one.make("scale-build", order, {"train.py": b"print('unchanged')"})
            if number:
                assert image.cache_hit, "the first round has built it"
                seconds.append(time.monotonic() - started)
    return seconds
