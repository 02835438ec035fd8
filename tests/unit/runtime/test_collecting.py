"""Rounds over a registry in which strangers may push: everybody has a turn, whoever crowds it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests import builders
from tests.unit.registry import faulty, test_holdings
from trainshed.runtime import cache as caches
from trainshed.runtime import collecting, turns

CROWD = "a"


async def _nothing() -> None:
    """Restart nothing."""


class Asked(turns.Turns):
    """Turns that tell for which namespaces they were asked; the crowd builds all the time."""

    def __init__(self) -> None:
        super().__init__()
        self.of: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def letting_go(self, namespace: str) -> AsyncIterator[bool]:
        self.of[namespace] += 1
        yield namespace != CROWD


def collector(listing: test_holdings.Listing, turns_: turns.Turns) -> collecting.Collector:
    seams = collecting.Seams(
        client=faulty.Rig(listing).client,
        cache=caches.Cache(),
        turns=turns_,
        folder="trainshed/ns",
        days=30,
        served=frozenset(),
        free=_nothing,
        clock=lambda: 0.0,
        count=lambda tags: None,
    )
    return collecting.Collector(seams)


async def test_a_namespace_that_has_made_thousands_of_repositories_has_some_of_them_judged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    crowd = [f"trainshed/ns/{CROWD}/{number:04}" for number in range(1003)]
    listing = test_holdings.Listing(catalog=[*crowd, "trainshed/ns/team-a"])
    asked = Asked()

    with caplog.at_level(logging.WARNING):
        await collector(listing, asked).round()

    assert asked.of == {CROWD: 1000, "team-a": 1}
    (judged,) = listing.of("GET", "/tags/list")
    assert judged.url.path == "/v2/trainshed/ns/team-a/tags/list"
    (told,) = caplog.records
    assert (told.message, vars(told)["namespace"]) == ("registry_namespace_crowded", CROWD)


async def test_a_repository_without_images_is_read_and_left_as_it_is() -> None:
    listing = test_holdings.Listing(catalog=["trainshed/ns/team-a"])

    await collector(listing, turns.Turns()).round()

    assert {each.method for each in listing.seen} == {"GET"}


def test_what_a_job_runs_and_what_is_mounted_into_it_is_named() -> None:
    cache = caches.Cache()
    base, code = "registry.example/base@sha256:1", "registry.example/code@sha256:2"
    view = builders.job().active().view()
    cache.put_workload(dataclasses.replace(view, image=base, volume=code))

    assert set(collecting.documents(cache)) == {base.encode(), code.encode()}
