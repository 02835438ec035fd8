"""Answers that come after the watch has told more, and objects that somebody touched."""

from __future__ import annotations

import pytest

from tests import builders, facts
from tests.unit.runtime import benches
from trainshed.core import observed
from trainshed.runtime import intake

Kind = intake.Kind
KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)


@pytest.mark.looptime
async def test_an_answer_that_comes_late_brings_no_deleted_job_back() -> None:
    bench = benches.Bench()
    await bench.applied()
    bench.world.moves()[0]()
    bench.process.deliver(Kind.POD)

    def deleted() -> None:
        bench.world.delete()
        bench.takes_all()

    bench.happens.append(deleted)
    await bench.passes()

    assert bench.process.cache.job(KEY) is None


@pytest.mark.looptime
async def test_an_answer_that_comes_late_brings_no_deleted_child_back() -> None:
    bench = benches.Bench()
    bench.world.apply(builders.training_job().cnn())
    bench.takes_all()

    def deleted() -> None:
        bench.world.remove(Kind.JOB, (builders.NAMESPACE, "gestures-1"))
        bench.takes_all()

    bench.happens.append(deleted)
    await bench.process.run_pass()

    assert not list(bench.process.cache.workloads())


@pytest.mark.looptime
async def test_a_child_that_lost_its_label_is_not_created_in_a_circle() -> None:
    bench = benches.Bench()
    bench.world.apply(builders.training_job().cnn())
    child = builders.job().owned_by("training-1").build()
    child["metadata"]["labels"]["trainshed.dev/job"] = "other"
    bench.world.put(Kind.JOB, child)
    bench.takes_all()

    for _ in range(10):
        if bench.process.ready:
            await bench.process.run_pass()

    assert bench.world.writes["create"] == 1


@pytest.mark.looptime
async def test_a_warning_that_nobody_repeats_is_dropped() -> None:
    bench = benches.Bench()
    await bench.applied()
    uid = observed.Uid("training-1")
    bench.process.cache.put_warning(uid, facts.refused("FailedCreate", "exceeded quota"))
    bench.world.moves()[0]()
    bench.world.moves()[0]()
    bench.takes_all()
    await bench.passes()

    await bench.process.sleep(6.0)
    await bench.passes()

    seen = bench.process.cache.observe(KEY)
    assert seen is not None
    assert seen.warning is None


@pytest.mark.looptime
async def test_a_child_that_left_the_selector_is_not_asked_for_in_a_circle() -> None:
    """The watch calls an object deleted that lost its managed-by label, though it lives."""
    bench = benches.Bench()
    await bench.applied()
    body = bench.world.objects[Kind.JOB][builders.NAMESPACE, "gestures-1"]

    bench.process.intake.event(Kind.JOB, "DELETED", body)
    await bench.passes()

    assert bench.world.children == {"training-1": 1}
    assert bench.world.reads["job"] <= 2
