"""What the cache keeps, and what it refuses to believe."""

import dataclasses

import pytest

from tests import builders, facts
from trainshed.core import observed, reports
from trainshed.runtime import cache as caches
from trainshed.runtime import pacing, pushes

KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)
UID = observed.Uid(builders.UID)


def training_job(version: int, *, uid: str = builders.UID) -> observed.TrainingJobView:
    """Return a TrainingJob of a version."""
    return builders.training_job().cnn().named(builders.NAME, uid=uid).version(version).view()


@pytest.fixture
def cache() -> caches.Cache:
    """Return a cache that knows one TrainingJob."""
    found = caches.Cache()
    found.put_job(training_job(10))
    return found


def test_a_job_keeps_the_moment_when_it_was_first_seen(cache: caches.Cache) -> None:
    later = dataclasses.replace(training_job(11), first_seen=builders.T0 + 500)

    cache.put_job(later)

    kept = cache.job(KEY)
    assert kept is not None
    assert (kept.resource_version, kept.first_seen) == ("11", builders.T0)


def test_an_old_view_does_not_replace_a_new_one(cache: caches.Cache) -> None:
    # As text, "9" would be newer than "10".
    assert not cache.put_job(training_job(9))

    kept = cache.job(KEY)
    assert kept is not None
    assert kept.resource_version == "10"


@pytest.mark.parametrize(
    ("change", "news"),
    [
        ({"status": b'{"phase":"Running"}'}, False),
        ({"generation": 2}, True),
        ({"deleting": True}, True),
        ({"uid": observed.Uid("uid-2")}, True),
    ],
    ids=["its status", "its generation", "its deletion", "another job of its name"],
)
def test_only_what_is_not_ours_to_write_is_news(
    cache: caches.Cache, change: dict[str, object], news: bool
) -> None:
    view = dataclasses.replace(training_job(11), **change)  # type: ignore[arg-type]

    assert cache.put_job(view) is news


def test_a_nodes_failure_counts_while_the_job_is_there_that_tells_of_it(
    cache: caches.Cache,
) -> None:
    told = {"failure": {"class": "NodeLost", "node": "a"}, "completionTime": builders.at(5)}
    lost = builders.training_job().status(told).version(11).view()

    def nodes() -> list[str]:
        seen = cache.observe(KEY) or observed.Observation(job=lost, offenders=cache.offenders)
        assert seen.offenders is not None
        found = seen.offenders.of(builders.NAMESPACE, after=1, now=builders.T0 + 10)
        return [each.node for each in found]

    assert nodes() == []
    cache.put_job(lost)
    cache.put_job(training_job(9))  # an old view
    assert nodes() == ["a"]
    cache.put_job(training_job(12, uid="uid-2"))  # another job of the name
    assert nodes() == []
    cache.put_job(
        builders.training_job().named(builders.NAME, uid="uid-2").status(told).version(13).view()
    )
    cache.drop_job(KEY, observed.Uid("uid-2"))
    assert nodes() == []


def test_a_job_that_is_gone_takes_its_facts_with_it(cache: caches.Cache) -> None:
    cache.put_build(UID, facts.built())
    cache.put_progress(UID, facts.progress(1, received=1))
    cache.put_rejection(UID, facts.refused("WorkloadRejected"))
    cache.put_warning(UID, facts.refused("FailedMount"))

    cache.drop_job(KEY, UID)

    assert (cache.build(UID), cache.progress(UID), cache.rejection(UID)) == (None, None, None)


def test_a_job_of_the_same_name_does_not_inherit(cache: caches.Cache) -> None:
    cache.put_build(UID, facts.built())

    cache.put_job(training_job(12, uid="uid-2"))

    seen = cache.observe(KEY)
    assert seen is not None
    assert (seen.job.uid, seen.build) == ("uid-2", None)


def test_the_end_of_an_older_job_of_that_name_changes_nothing(cache: caches.Cache) -> None:
    cache.put_job(training_job(12, uid="uid-2"))

    cache.drop_job(KEY, UID)

    kept = cache.job(KEY)
    assert kept is not None
    assert kept.uid == "uid-2"


def test_a_job_sees_its_own_child_alone(cache: caches.Cache) -> None:
    cache.put_workload(builders.job().owned_by("uid-0").view())
    alone = cache.observe(KEY)
    assert alone is not None
    assert (alone.job, alone.workload) == (training_job(10), None)

    cache.put_workload(builders.job().version(2).view())

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.workload == builders.job().version(2).view()


def test_a_child_that_is_going_is_none(cache: caches.Cache) -> None:
    cache.put_workload(builders.job().deleting().view())

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.workload is None


def test_an_old_view_of_a_child_or_its_pod_is_ignored(cache: caches.Cache) -> None:
    cache.put_workload(builders.job().version(20).complete(30).view())
    cache.put_pod(builders.pod().version(20).on_node().succeeded().view())

    cache.put_workload(builders.job().version(3).view())
    cache.put_pod(builders.pod().version(9).view())

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.workload is not None
    assert seen.workload.condition("Complete") is not None
    assert [each.phase for each in seen.pods] == ["Succeeded"]


def test_a_child_that_is_gone_frees_its_name(cache: caches.Cache) -> None:
    cache.put_holder(UID, observed.NameHolder("gestures-1", predecessor=True))
    cache.put_rejection(UID, facts.refused("NameTaken"))

    cache.drop_workload(builders.job().owned_by("uid-0").view())

    seen = cache.observe(KEY)
    assert seen is not None
    assert (seen.holder, seen.rejection) == (None, None)


def test_a_pod_is_found_by_its_uid_until_it_is_gone(cache: caches.Cache) -> None:
    view = builders.pod().view()
    cache.put_pod(view)
    assert cache.pod(view.uid) == view

    cache.drop_pod(view)

    assert cache.pod(view.uid) is None
    assert cache.pods(KEY) == ()


@pytest.mark.parametrize(
    ("pod", "kept"),
    [
        (builders.pod().on_node().running().node_lost(), True),
        (builders.pod().on_node().exited(1), True),
        (builders.pod().on_node().running(), False),
        (builders.pod().on_node().exited(1).owned_by("uid-of-another"), False),
    ],
    ids=["its node was lost", "it failed", "it ran", "it is of another Job"],
)
def test_the_end_of_a_pod_that_is_gone_is_kept_until_its_job_is_gone(
    cache: caches.Cache, pod: builders.PodBuilder, kept: bool
) -> None:
    job, view = builders.job().view(), pod.view()
    cache.put_workload(job)
    cache.put_pod(view)

    cache.drop_pod(view)

    seen = cache.observe(KEY)
    assert seen is not None
    assert (seen.pods, seen.departed) == ((), (view,) if kept else ())
    cache.drop_workload(job)
    cache.put_workload(job)
    after = cache.observe(KEY)
    assert after is not None
    assert after.departed == ()


def test_nothing_is_left_when_all_is_gone(cache: caches.Cache) -> None:
    cache.put_workload(builders.job().view())
    cache.put_pod(builders.pod().view())
    cache.put_build(UID, facts.built())
    cache.put_holder(UID, observed.NameHolder("gestures-1", predecessor=True))

    cache.drop_pod(builders.pod().view())
    cache.drop_workload(builders.job().view())
    cache.drop_job(KEY, UID)

    assert not [*cache.jobs(), *cache.workloads(), *cache.all_pods()]
    assert (cache.build(UID), cache.observe(KEY)) == (None, None)


def test_the_cache_may_change_while_it_is_read(cache: caches.Cache) -> None:
    cache.put_workload(builders.job().view())
    cache.put_pod(builders.pod().view())

    for job in cache.jobs():
        cache.drop_job(job.key, job.uid)
    for workload in cache.workloads():
        cache.drop_workload(workload)
    for pod in cache.all_pods():
        cache.drop_pod(pod)

    assert cache.observe(KEY) is None


def test_an_old_view_of_an_earlier_job_does_not_replace_the_present_one() -> None:
    """The answer to a status write may come after the watch told of the job's successor."""
    cache = caches.Cache()
    cache.put_job(training_job(12, uid="uid-2"))

    cache.put_job(training_job(10, uid="uid-1"))

    kept = cache.job(KEY)
    assert kept is not None
    assert kept.uid == "uid-2"


def failure(message: str) -> reports.Failure:
    """Return a failure that a rank pushed."""
    account = reports.Account("failed", 1, message=message)
    return reports.Failure(observed.Uid(builders.POD_UID), account)


def test_the_first_failure_of_a_rank_is_the_one_that_is_kept(cache: caches.Cache) -> None:
    pushed = pushes.Pushes(cache=cache, pacer=pacing.Pacer(lambda key: None, interval=1.0))

    pushed.fail(KEY, failure("first"))
    pushed.fail(KEY, failure("second"))
    pushed.fail(observed.JobKey("default", "unknown"), failure("stray"))

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.failure is not None
    assert seen.failure.account.message == "first"


async def test_a_failure_of_rank_0_is_one_like_any_other(cache: caches.Cache) -> None:
    pushed = pushes.Pushes(cache=cache, pacer=pacing.Pacer(lambda key: None, interval=1.0))
    account = reports.Account("failed", 1, message="boom")

    pushed.accept(KEY, facts.progress(3, received=5, account=account))

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.failure == failure("boom")


async def test_folds_do_not_speak_for_each_other(cache: caches.Cache) -> None:
    pushed = pushes.Pushes(cache=cache, pacer=pacing.Pacer(lambda key: None, interval=1.0))
    account = reports.Account("failed", 1, message="boom")

    pushed.accept(KEY, facts.progress(3, received=5, fold=0))
    pushed.accept(KEY, facts.progress(2, received=6, fold=1, account=account))

    seen = cache.observe(KEY)
    assert seen is not None
    assert {fold: each.step for fold, each in seen.folds.items()} == {0: 3, 1: 2}
    assert seen.progress is None
    assert seen.failure is not None
    assert seen.failure.fold == 1
    assert [pushed.last(KEY, fold) for fold in (0, 2, None)] == [seen.folds[0], None, None]


def test_a_failure_is_forgotten_with_its_job(cache: caches.Cache) -> None:
    cache.put_failure(UID, failure("boom"))

    cache.put_job(training_job(11, uid="uid-2"))

    seen = cache.observe(KEY)
    assert seen is not None
    assert seen.failure is None
