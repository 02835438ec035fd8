"""What build pods have done is counted once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from tests import builders
from tests.unit.runtime import podbenches
from trainshed.core import observed
from trainshed.runtime import podaccounts

BUILD = observed.Uid("build-uid-1")
IMAGE = dataclasses.replace(podbenches.IMAGE, phases={"fetch": 1.0, "push": 2.0})


class Counts:
    """Takes what is counted, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: list[tuple[Mapping[str, float], int]] = []
        self.accounts = podaccounts.Accounts(
            lambda phases, sent: self.told.append((phases, sent)), lambda: self.now
        )


def test_the_start_of_the_pod_is_a_phase_that_is_measured_here() -> None:
    counts = Counts()
    counts.accounts.begun(BUILD)
    counts.now = 101.5
    counts.accounts.seen(BUILD, [builders.pod().on_node().waiting().view()])
    counts.now = 102.25
    counts.accounts.seen(BUILD, [builders.pod().on_node().running().view()])
    counts.now = 110.0
    counts.accounts.seen(BUILD, [builders.pod().exited(0).view()])
    counts.accounts.ended(BUILD, IMAGE)

    assert counts.told == [({"fetch": 1.0, "push": 2.0, "start": pytest.approx(2.25)}, 10)]


def test_a_build_is_counted_once_whoever_follows_it_again() -> None:
    counts = Counts()
    for _ in range(3):
        counts.accounts.ended(BUILD, IMAGE)
    assert len(counts.told) == 1


def test_of_a_build_that_another_process_began_the_start_is_not_known() -> None:
    counts = Counts()
    counts.accounts.seen(BUILD, [builders.pod().exited(0).view()])
    counts.accounts.ended(BUILD, IMAGE)

    assert counts.told == [({"fetch": 1.0, "push": 2.0}, 10)]
