"""A job that the operator fails at by a fault of its own says so, and soon is as before."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from tests import builders
from tests.unit.runtime import benches
from trainshed.core import observed, plan
from trainshed.kube import errors
from trainshed.runtime import loop, stalls

KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)
pytestmark = pytest.mark.looptime


class Stalling:
    """A bench whose passes crash while `raises` is set."""

    def __init__(self) -> None:
        self.bench = benches.Bench()
        self.raises: Exception | None = None
        self.told: list[plan.Notice] = []
        self.stalls = stalls.Stalls(
            self._reconcile,
            cache=self.bench.process.cache,
            api=self.bench.world,
            recorder=self,
            clock=self.bench.world.clock,
        )

    def record(self, job: observed.TrainingJobView, notice: plan.Notice) -> None:
        self.told.append(notice)

    async def _reconcile(self, key: observed.JobKey) -> loop.Result:
        if self.raises is not None:
            raise self.raises
        return await self.bench.process.reconciler.reconcile(key)

    async def crash(self, error: Exception, times: int) -> None:
        """Run passes that crash."""
        self.raises = error
        for _ in range(times):
            with pytest.raises(type(error)):
                await self.stalls.reconcile(KEY)

    def stalled(self) -> dict[str, str] | None:
        conditions = self.bench.world.status().get("conditions", ())
        return next((each for each in conditions if each["type"] == "Stalled"), None)


async def started() -> Stalling:
    found = Stalling()
    await found.bench.applied()
    return found


async def test_a_crash_or_two_are_nobodys_business() -> None:
    found = await started()

    await found.crash(KeyError("a bug"), 2)

    assert found.stalled() is None
    assert found.told == []


async def test_the_third_crash_in_a_row_is_told_once_with_what_to_do() -> None:
    found = await started()
    before = found.bench.world.writes["status"]

    await found.crash(KeyError("what may be a secret"), 20)

    stalled = found.stalled()
    assert stalled is not None
    assert (stalled["status"], stalled["reason"]) == ("True", "InternalError")
    assert "(KeyError)" in stalled["message"]
    assert "secret" not in stalled["message"]
    assert "see reconcile_crashed in the operator's log" in stalled["message"]
    assert found.bench.world.writes["status"] == before + 1
    (event,) = found.told
    assert (event.warning, event.reason, event.message) == (
        True,
        "InternalError",
        stalled["message"],
    )
    assert not found.bench.world.faults


async def test_crashes_that_go_on_are_told_again_by_an_event_and_not_by_a_write() -> None:
    found = await started()
    await found.crash(KeyError("a bug"), 3)
    writes = found.bench.world.writes["status"]

    await asyncio.sleep(stalls.AGAIN_SECONDS)
    await found.crash(KeyError("a bug"), 3)

    assert len(found.told) == 2
    assert found.bench.world.writes["status"] == writes


async def test_a_pass_that_goes_well_takes_it_back() -> None:
    found = await started()
    await found.crash(KeyError("a bug"), 3)

    found.raises = None
    await found.stalls.reconcile(KEY)

    assert found.stalled() is None
    await found.crash(KeyError("a bug"), 2)
    assert found.stalled() is None


async def test_another_process_writes_nothing_that_is_there() -> None:
    found = await started()
    await found.crash(KeyError("a bug"), 3)
    writes = found.bench.world.writes["status"]
    again = stalls.Stalls(
        found._reconcile,
        cache=found.bench.process.cache,
        api=found.bench.world,
        recorder=found,
        clock=found.bench.world.clock,
    )

    for _ in range(3):
        with pytest.raises(KeyError):
            await again.reconcile(KEY)

    assert found.bench.world.writes["status"] == writes


@pytest.mark.parametrize(
    "error", [errors.Unavailable("down"), errors.Conflict("stale"), loop.Retryable("wait")]
)
async def test_what_the_api_server_answers_is_no_fault_of_the_operators(error: Exception) -> None:
    found = await started()

    await found.crash(error, 5)

    assert (found.stalled(), found.told) == (None, [])


async def test_what_cant_be_told_is_told_at_the_next_crash() -> None:
    found = await started()
    job = found.bench.process.cache.job(KEY)
    assert job is not None
    found.bench.process.cache._jobs[KEY] = dataclasses.replace(job, resource_version="1")

    await found.crash(KeyError("a bug"), 3)
    assert found.stalled() is None
    found.bench.process.cache._jobs[KEY] = job
    await found.crash(KeyError("a bug"), 1)

    assert found.stalled() is not None


async def test_of_a_job_that_has_ended_an_event_alone_tells() -> None:
    found = await started()
    while moves := found.bench.world.moves():
        moves[0]()
        found.bench.takes_all()
        await found.bench.passes()
    assert found.bench.world.status()["phase"] == "Succeeded"

    await found.crash(KeyError("a bug"), 3)

    assert found.stalled() is None
    assert len(found.told) == 1


async def test_a_job_that_is_gone_is_told_of_nothing() -> None:
    found = await started()
    found.bench.process.cache.drop_job(KEY, observed.Uid("training-1"))

    await found.crash(KeyError("a bug"), 5)

    assert found.told == []
