"""Which nodes count as failed, for whom, and for how long."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import builders
from trainshed.api import reasons
from trainshed.core import observed, offenders, times

NOW = builders.T0
DAY = offenders.DAY
CLASSES = [str(each) for each in reasons.FailureClass]
LOST = str(reasons.FailureClass.NODE_LOST)


def failed(
    name: str,
    *,
    node: str = "a",
    ago: float = 3600.0,
    class_: str = LOST,
    namespace: str = "team",
) -> observed.TrainingJobView:
    """Return a job that failed on a node so many seconds before NOW."""
    failure = {"class": class_, "node": node, "message": "gone"}
    status = {"phase": "Failed", "failure": failure, "completionTime": times.render(NOW - ago)}
    job = builders.training_job().cnn().named(name, namespace=namespace, uid=f"{namespace}/{name}")
    return job.status(status).view()


def counted(
    jobs: Iterable[observed.TrainingJobView], *, after: int = 1, namespace: str = "team"
) -> list[offenders.Offender]:
    """Return the offenders that jobs make."""
    found = offenders.Offenders()
    for each in jobs:
        found.put(each)
    return found.of(namespace, after=after, now=NOW)


def names(found: Iterable[offenders.Offender]) -> list[str]:
    """Return the nodes, in order."""
    return [each.node for each in found]


def test_a_node_is_told_with_how_often_it_failed_and_under_which_jobs_the_last_first() -> None:
    jobs = [failed("old", ago=7200), failed("new", ago=60), failed("other", node="b", ago=600)]

    assert counted(jobs) == [
        offenders.Offender("a", 2, NOW - 60, ("new", "old")),
        offenders.Offender("b", 1, NOW - 600, ("other",)),
    ]
    assert names(counted(jobs, after=2)) == ["a"]


def test_a_node_that_takes_two_jobs_along_has_failed_once() -> None:
    (found,) = counted([failed("one", ago=100), failed("two", ago=80)])

    assert (found.times, found.jobs) == (1, ("two", "one"))


def test_a_job_that_is_gone_or_is_new_under_its_uid_counts_no_more() -> None:
    kept = offenders.Offenders()
    one, two = failed("one"), failed("two", node="b")
    for each in (one, two, one):
        kept.put(each)
    assert [each.times for each in kept.of("team", after=1, now=NOW)] == [1, 1]

    kept.put(dataclasses.replace(one, deleting=True))
    kept.put(failed("two", class_="UserCode"))
    kept.drop(one.uid)

    assert kept.of("team", after=1, now=NOW) == []


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"failure": None},
        {"failure": {"class": LOST, "node": "a"}},
        {"failure": {"class": LOST, "node": "a"}, "completionTime": "2026-99-99T00:00:00Z"},
        {"failure": {"class": LOST}, "completionTime": builders.at(0)},
        {"conditions": [{"message": 'no "failure" at all'}]},
    ],
)
def test_a_status_that_tells_no_node_or_no_moment_counts_for_nothing(status: Any) -> None:
    assert counted([builders.training_job().cnn().status(status).view()], namespace="default") == []


FAILURES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(min_value=0, max_value=int(2 * DAY)),
        st.sampled_from(CLASSES),
        st.sampled_from(["team", "others"]),
    ),
    max_size=12,
)


def _jobs(listed: Any, start: int = 0) -> list[observed.TrainingJobView]:
    return [
        failed(f"job-{number}", node=node, ago=ago, class_=class_, namespace=namespace)
        for number, (node, ago, class_, namespace) in enumerate(listed, start)
    ]


@given(FAILURES, FAILURES, st.integers(min_value=1, max_value=4))
def test_more_failures_never_avoid_fewer_nodes(known: Any, more: Any, after: int) -> None:
    before = counted(_jobs(known), after=after)
    later = counted([*_jobs(known), *_jobs(more, len(known))], after=after)

    assert set(names(before)) <= set(names(later))


@given(FAILURES)
def test_only_ones_own_nodes_failures_of_the_last_day_count(listed: Any) -> None:
    own = [
        (node, ago, class_, namespace)
        for node, ago, class_, namespace in listed
        if namespace == "team" and ago <= DAY and class_ == LOST
    ]

    found = counted(_jobs(listed))

    assert {each.node for each in found} == {node for node, *_ in own}
    assert sum(len(each.jobs) for each in found) == len(own)
    assert all(1 <= each.times <= len(each.jobs) for each in found)
