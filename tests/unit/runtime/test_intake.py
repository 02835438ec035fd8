"""What comes in by the watches, and which passes it asks for."""

from dataclasses import dataclass, field

import pytest

from tests import bodies, builders
from trainshed.core import observed, reports
from trainshed.runtime import cache as caches
from trainshed.runtime import intake, workqueue

HIGH, LOW = workqueue.Priority.HIGH, workqueue.Priority.LOW
KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)
Kind = intake.Kind


@dataclass
class Bench:
    """An intake with its cache, and the passes that it asked for."""

    cache: caches.Cache = field(default_factory=caches.Cache)
    asked: list[tuple[observed.JobKey, workqueue.Priority]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.intake = intake.Intake(
            cache=self.cache,
            wake=lambda key, priority: self.asked.append((key, priority)),
            clock=lambda: builders.T0,
            refused=self.refused.append,
        )

    def takes(self, kind: str, type_: str | None, builder: bodies.Builder) -> object:
        """Take an event; return the priority of the pass that it asks for."""
        self.asked.clear()
        self.intake.event(kind, type_, builder.build())
        assert all(key == KEY for key, _ in self.asked)
        return [priority for _, priority in self.asked]


@pytest.fixture
def bench() -> Bench:
    """Return an empty bench."""
    return Bench()


def job(version: int) -> builders.TrainingJobBuilder:
    """Return a TrainingJob of a version."""
    return builders.training_job().cnn().version(version)


def test_a_new_job_goes_before_what_was_merely_listed(bench: Bench) -> None:
    assert bench.takes(Kind.TRAINING_JOB, "ADDED", job(1)) == [HIGH]
    assert Bench().takes(Kind.TRAINING_JOB, None, job(1)) == [LOW]


def test_our_own_status_write_asks_for_no_pass(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))

    written = job(2).status({"phase": "Building"})

    assert bench.takes(Kind.TRAINING_JOB, "MODIFIED", written) == []
    kept = bench.cache.job(KEY)
    assert kept is not None
    assert kept.resource_version == "2"


def test_a_relist_asks_for_a_pass_of_everything(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))

    assert bench.takes(Kind.TRAINING_JOB, None, job(1)) == [LOW]


def test_a_job_that_is_gone_is_forgotten(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))

    bench.takes(Kind.TRAINING_JOB, "DELETED", job(2))

    assert bench.cache.job(KEY) is None


@pytest.mark.parametrize("type_", ["ADDED", "MODIFIED", "DELETED", None])
def test_every_change_of_a_child_asks_for_a_pass(bench: Bench, type_: str | None) -> None:
    assert bench.takes(Kind.JOB, type_, builders.job()) == [LOW]
    assert bench.takes(Kind.POD, type_, builders.pod()) == [LOW]


def test_objects_of_nobody_are_left_alone(bench: Bench) -> None:
    for kind, builder in ((Kind.JOB, builders.job()), (Kind.POD, builders.pod())):
        body = builder.build()
        del body["metadata"]["labels"]["trainshed.dev/job"]
        bench.intake.event(kind, "ADDED", body)

    assert bench.asked == []
    assert list(bench.cache.workloads()) == []
    assert list(bench.cache.all_pods()) == []


def test_what_the_sweeper_misses_is_forgotten(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, None, job(1))
    bench.takes(Kind.JOB, None, builders.job())
    bench.takes(Kind.POD, None, builders.pod())
    bench.asked.clear()

    bench.intake.gone(Kind.POD, observed.Uid(builders.POD_UID))
    bench.intake.gone(Kind.JOB, observed.Uid(builders.WORKLOAD_UID))
    assert [key for key, _ in bench.asked] == [KEY, KEY]
    bench.intake.gone(Kind.TRAINING_JOB, observed.Uid(builders.UID))
    bench.intake.gone(Kind.POD, observed.Uid("never known"))

    assert not list(bench.cache.jobs())
    assert not list(bench.cache.workloads())
    assert not list(bench.cache.all_pods())


def test_a_node_that_may_not_pull_is_told_of_and_one_that_finds_nothing_is_not(
    bench: Bench,
) -> None:
    lost = builders.pod().on_node().pull_failed("ErrImagePull", "localhost:30500/x: not found")
    bench.takes(Kind.POD, "MODIFIED", lost)
    assert bench.refused == []

    anonymous = "failed to authorize: failed to fetch anonymous token: 401 Unauthorized"
    bench.takes(
        Kind.POD, "MODIFIED", builders.pod().on_node().pull_failed("ErrImagePull", anonymous)
    )
    assert bench.refused == [builders.NAMESPACE]


def test_what_kueue_says_of_a_job_wakes_it(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))
    bench.takes(Kind.JOB, "ADDED", builders.job().queued())

    woken = bench.takes(Kind.WORKLOAD, "ADDED", builders.queue().pending("no quota"))

    assert woken == [LOW]
    seen = bench.cache.observe(KEY)
    assert seen is not None
    assert seen.queue is not None
    assert seen.queue.condition("QuotaReserved") is not None


def test_a_workload_that_is_gone_is_forgotten(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))
    bench.takes(Kind.JOB, "ADDED", builders.job().queued())
    bench.takes(Kind.WORKLOAD, "ADDED", builders.queue())

    assert bench.takes(Kind.WORKLOAD, "DELETED", builders.queue()) == [LOW]
    bench.takes(Kind.WORKLOAD, "ADDED", builders.queue())
    bench.intake.gone(Kind.WORKLOAD, builders.queue().view().uid)

    seen = bench.cache.observe(KEY)
    assert seen is not None
    assert seen.queue is None


def test_workloads_of_other_kinds_wake_nobody_and_are_known(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))
    other = builders.queue().owned_by("uid-of-a-ray-job")

    assert bench.takes(Kind.WORKLOAD, "ADDED", other) == []
    assert [each.uid for each in bench.cache.queues.all()] == [other.view().uid]


def test_the_failure_of_a_pod_that_kueue_took_back_is_forgotten(bench: Bench) -> None:
    bench.takes(Kind.TRAINING_JOB, "ADDED", job(1))
    bench.takes(Kind.JOB, "ADDED", builders.job().queued().let_go())
    account = reports.Account(outcome="failed", exit_code=143)
    told = reports.Failure(observed.Uid(builders.POD_UID), account)

    for event in (builders.job().queued(), builders.job().queued().let_go(since=60)):
        bench.cache.put_failure(observed.Uid(builders.UID), told)
        bench.takes(Kind.JOB, "MODIFIED", event)
        seen = bench.cache.observe(KEY)
        assert seen is not None
        assert seen.failure is None
