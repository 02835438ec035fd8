"""Rounds over a registry in which strangers may push: everybody has a turn, whoever crowds it."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from tests import builders
from tests.unit.registry import faulty, test_holdings
from trainshed.runtime import cache as caches
from trainshed.runtime import collecting, turns


async def _nothing() -> None:
    """Restart nothing."""


def collector(listing: test_holdings.Listing) -> collecting.Collector:
    seams = collecting.Seams(
        client=faulty.Rig(listing).client,
        cache=caches.Cache(),
        turns=turns.Turns(),
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
    crowd = [f"trainshed/ns/a/{number:04}" for number in range(1003)]
    listing = test_holdings.Listing(catalog=[*crowd, "trainshed/ns/team-a"])

    with caplog.at_level(logging.WARNING):
        await collector(listing).round()

    judged = [each.url.path for each in listing.of("GET", "/tags/list")]
    assert len(judged) == 1001
    assert judged[-1] == "/v2/trainshed/ns/team-a/tags/list"
    (told,) = caplog.records
    assert (told.message, vars(told)["namespace"]) == ("registry_namespace_crowded", "a")


def test_what_a_job_runs_and_what_is_mounted_into_it_is_named() -> None:
    cache = caches.Cache()
    base, code = "registry.example/base@sha256:1", "registry.example/code@sha256:2"
    view = builders.job().active().view()
    cache.put_workload(dataclasses.replace(view, image=base, volume=code))

    assert set(collecting.documents(cache)) == {base.encode(), code.encode()}
