"""Which builds in pods answer a job."""

from __future__ import annotations

import dataclasses

import pytest

from tests import builders
from trainshed.core import observed, sharing

JOB = dataclasses.replace(builders.training_job().view(), created=builders.T0 + 100)


def build(created: float, ended: float | None = None) -> observed.JobView:
    """Return the Job of a build that was begun, and ended, so many seconds after T0."""
    job = builders.job().created(created)
    return (job.complete(ended) if ended is not None else job.active()).view()


@pytest.mark.parametrize(("created", "met"), [(97, True), (96, False), (101, True)])
def test_a_branch_takes_a_build_of_at_most_three_seconds_before(created: float, met: bool) -> None:
    need = sharing.need(JOB, since=None, forced=None)
    assert need.met(build(created)) is met


def test_what_is_pinned_takes_any_build() -> None:
    assert sharing.need(JOB, since=0.0, forced=None).met(build(0, ended=5))


def test_what_may_be_a_day_old_takes_a_build_of_the_day() -> None:
    need = sharing.need(JOB, since=builders.T0 + 50, forced=None)
    assert not need.met(build(49))
    assert need.met(build(50, ended=60))


@pytest.mark.parametrize(("ended", "met"), [(None, True), (129, False), (130, True), (200, True)])
def test_a_rebuild_takes_none_that_ended_before_the_image_was_missed(
    ended: float | None, met: bool
) -> None:
    need = sharing.need(JOB, since=None, forced=builders.T0 + 130.4)
    assert need.met(build(50, ended=ended)) is met


def test_of_several_the_newest_is_taken() -> None:
    first, second = build(10), build(20)
    assert sharing.newest([second, first]) is second
    assert sharing.newest([]) is None
