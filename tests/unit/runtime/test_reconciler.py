"""A pass and its writes: their order, and what the API server may answer."""

from __future__ import annotations

import pytest

from tests import builders
from tests.unit.runtime import benches
from tests.unit.runtime import world as worlds
from trainshed.core import observed, plan
from trainshed.kube import errors
from trainshed.runtime import building, intake

Kind = intake.Kind
KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)


@pytest.mark.looptime
async def test_the_child_is_created_before_anything_is_reported() -> None:
    bench = benches.Bench()
    bench.world.apply(builders.training_job().cnn())
    bench.takes_all()

    await bench.process.run_pass()

    assert bench.world.writes == {"create": 1}
    assert list(bench.process.ready) == [KEY]


@pytest.mark.looptime
async def test_the_whole_life_takes_few_writes() -> None:
    bench = benches.Bench()
    await bench.applied()
    while moves := bench.world.moves():
        moves[0]()
        bench.takes_all()
        await bench.passes()

    assert bench.world.status()["phase"] == "Succeeded"
    assert bench.world.writes == {"create": 1, "status": 5, "event": 4}
    assert not bench.world.reads


@pytest.mark.looptime
async def test_a_second_pass_makes_no_api_calls() -> None:
    bench = benches.Bench()
    await bench.applied()
    before = bench.world.writes.copy()

    bench.process.wake(KEY)
    await bench.passes()

    assert bench.world.writes == before
    assert not bench.world.reads


@pytest.mark.looptime
async def test_a_key_that_is_unknown_is_no_error() -> None:
    bench = benches.Bench()

    result = await bench.process.reconciler.reconcile(observed.JobKey("default", "gone"))

    assert result.requeue_after is None


@pytest.mark.looptime
async def test_a_slow_build_is_reported_and_not_waited_for() -> None:
    bench = benches.Bench(seconds=5.0)

    await bench.applied()

    assert bench.world.status()["phase"] == "Building"
    assert bench.world.writes["create"] == 0
    await bench.process.sleep(5.1)
    await bench.passes()
    assert bench.world.writes["create"] == 1


@pytest.mark.looptime
async def test_a_child_from_before_a_restart_is_taken_over() -> None:
    bench = benches.Bench()
    uid = await bench.applied()
    held = bench.world.objects[Kind.JOB]
    hidden = dict(held)
    # The Jobs are listed last: the first pass does not know of any.
    held.clear()
    await bench.process.restart()
    held.update(hidden)

    await bench.passes()

    assert bench.world.children == {uid: 1}
    assert bench.world.reads == {"job": 1}
    assert bench.world.status()["phase"] == "Starting"


@pytest.mark.looptime
async def test_a_create_whose_answer_was_lost_is_not_made_twice() -> None:
    bench = benches.Bench()
    uid = bench.world.apply(builders.training_job().cnn())
    bench.takes_all()

    def lost() -> None:
        raise errors.Unavailable("no answer in time")

    bench.happens.append(lost)
    await bench.passes()
    await bench.process.sleep(1.0)
    await bench.passes()

    assert bench.world.children == {uid: 1}


@pytest.mark.looptime
async def test_somebody_elses_job_is_waited_for_and_left_alone() -> None:
    bench = benches.Bench()
    stranger = builders.job().owned_by(None).build()
    stranger["metadata"]["labels"] = {}
    bench.world.put(Kind.JOB, stranger)

    await bench.applied()

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == "NameTaken"
    assert bench.world.writes["delete"] == 0
    bench.world.remove(Kind.JOB, (builders.NAMESPACE, "gestures-1"))
    await bench.process.sleep(3.0)
    await bench.passes()
    assert bench.world.writes["create"] == 2


@pytest.mark.looptime
async def test_a_jobs_predecessors_child_is_waited_for() -> None:
    bench = benches.Bench()
    bench.world.put(Kind.JOB, builders.job().owned_by("uid-0").build())

    uid = await bench.applied()

    (accepted,) = (c for c in bench.world.status()["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == "WaitingForOldWorkload"
    bench.world.remove(Kind.JOB, (builders.NAMESPACE, "gestures-1"))
    bench.takes_all()
    await bench.passes()
    assert bench.world.children == {uid: 1}
    assert bench.world.status()["phase"] == "Starting"


REFUSALS = {
    "an invalid Job": (errors.Invalid("spec.x: is bad"), "Failed", "create the job anew"),
    "a quota": (errors.Forbidden("exceeded quota: jobs"), "Pending", "free quota"),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("error", "phase", "advice"), list(REFUSALS.values()), ids=list(REFUSALS))
async def test_a_refused_create_is_told(
    monkeypatch: pytest.MonkeyPatch, error: errors.ApiError, phase: str, advice: str
) -> None:
    bench = benches.Bench()

    async def refuse(manifest: plan.Manifest) -> None:
        raise error

    monkeypatch.setattr(bench.world, "create_job", refuse)
    await bench.applied()

    status = bench.world.status()
    (accepted,) = (c for c in status["conditions"] if c["type"] == "Accepted")
    assert accepted["reason"] == "WorkloadRejected"
    assert str(error) in accepted["message"]
    assert advice in accepted["message"]
    assert status["phase"] == phase
    assert (KEY in bench.process.timers) == (phase == "Pending")


@pytest.mark.looptime
async def test_a_status_that_somebody_changed_is_written_anew() -> None:
    bench = benches.Bench()
    await bench.applied()
    touched = bench.world.objects[Kind.TRAINING_JOB][KEY.namespace, KEY.name]
    touched["metadata"]["labels"] = {"team": "vision"}
    bench.world.put(Kind.TRAINING_JOB, touched)
    bench.world.moves()[0]()
    for kind in (Kind.JOB, Kind.POD):
        bench.process.deliver(kind)
        bench.process.deliver(kind)

    await bench.passes()
    assert "Placed" not in {each["type"] for each in bench.world.status()["conditions"]}
    bench.takes_all()
    await bench.process.sleep(1.1)
    await bench.passes()

    assert "Placed" in {each["type"] for each in bench.world.status()["conditions"]}


@pytest.mark.looptime
async def test_a_status_that_is_refused_is_told_by_an_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = benches.Bench()
    told: list[str] = []

    async def refuse(key: observed.JobKey, patch: object, *, resource_version: str) -> None:
        raise errors.Invalid("status.phase: Unsupported value")

    def record(job: observed.TrainingJobView, notice: plan.Notice) -> None:
        told.append(f"{notice.reason}: {notice.message}")

    monkeypatch.setattr(bench.world, "patch_status", refuse)
    monkeypatch.setattr(bench.world, "record", record)

    await bench.applied()

    assert KEY in bench.process.timers, "it is tried again, later"
    assert [each.partition(":")[0] for each in told] == ["StatusRefused"]
    assert "Unsupported value" in told[0]
    assert "install the chart" in told[0]


@pytest.mark.looptime
async def test_a_job_that_was_deleted_is_forgotten_at_the_first_write() -> None:
    bench = benches.Bench()
    await bench.applied()
    bench.world.moves()[0]()
    bench.world.delete()
    bench.process.deliver(Kind.POD)

    await bench.passes()

    assert bench.process.cache.job(KEY) is None


@pytest.mark.looptime
async def test_a_start_that_takes_too_long_is_told_before_the_child_is_removed() -> None:
    bench = benches.Bench(fate=worlds.Fate(placed=False))
    await bench.applied()
    seen: list[str] = []

    def note() -> None:
        seen.append(bench.world.status()["phase"])

    bench.happens = [note for _ in range(20)]
    await bench.process.settle()

    assert bench.world.writes["delete"] >= 1
    assert seen.index("Failed") == len(seen) - 1 - bench.world.writes["delete"]
    assert not bench.world.objects[Kind.JOB]


def test_tries_come_less_and_less_often() -> None:
    assert [building.retry_delay(each) for each in (0, 3, 10, 60, 600)] == [2, 2, 5, 30, 60]


@pytest.mark.looptime
async def test_a_status_of_a_newer_operator_is_told_by_an_event_alone() -> None:
    bench = benches.Bench()
    bench.world.apply(builders.training_job().cnn().status({"phase": "Teleporting"}))

    bench.takes_all()
    await bench.passes()

    assert bench.world.writes == {"event": 1}
