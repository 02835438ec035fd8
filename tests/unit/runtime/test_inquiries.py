"""Why a start is silent: what an event says, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders
from tests.unit.runtime import benches
from trainshed.core import observed, plan, scaling
from trainshed.runtime import inquiries

KEY = observed.JobKey(builders.NAMESPACE, builders.NAME)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("FailedMount", "see that the claim, Secret or ConfigMap exists"),
        ("FailedCreate", "a quota, a policy"),
        ("SomethingNew", "kubectl describe pod"),
    ],
)
async def test_a_warning_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, reason: str, advice: str
) -> None:
    bench = benches.Bench()
    await bench.applied()
    cache = bench.process.cache
    before = cache.observe(KEY)
    assert before is not None

    async def newest(namespace: str, target: plan.Inquiry) -> Any:
        return {"reason": reason, "message": "secret x not found"}

    monkeypatch.setattr(bench.world, "newest_event", newest)
    asking = inquiries.Inquiries(cache=cache, api=bench.world, clock=lambda: 0.0)

    target = plan.Inquiry(kind="Pod", name="gestures-1-0", uid=observed.Uid("pod-1"))
    assert await asking.ask(before.job, target)

    after = cache.observe(KEY)
    assert after is not None
    assert after.warning is not None
    assert after.warning.message.startswith(f"{reason}: secret x not found; ")
    assert advice in after.warning.message


@pytest.mark.looptime
async def test_an_autoscalers_words_are_kept_apart_from_warnings_until_they_are_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = benches.Bench()
    await bench.applied()
    cache = bench.process.cache
    before = cache.observe(KEY)
    assert before is not None
    words = "pod triggered scale-up: [{ng1 0->1 (max: 4)}]"

    async def newest(namespace: str, target: plan.Inquiry) -> Any:
        assert target.reasons == scaling.MAKES
        seen = {"lastTimestamp": builders.at(0)}
        return {"reason": "TriggeredScaleUp", "type": "Normal", "message": words, **seen}

    monkeypatch.setattr(bench.world, "newest_event", newest)
    now = builders.T0
    asking = inquiries.Inquiries(cache=cache, api=bench.world, clock=lambda: now)
    target = plan.Inquiry("Pod", "gestures-1-0", observed.Uid("pod-1"), reasons=scaling.MAKES)

    assert await asking.ask(before.job, target)
    now += 10
    assert not await asking.ask(before.job, target)
    after = cache.observe(KEY)
    assert after is not None
    assert (after.scaling, after.warning) == (observed.Scaling(words, makes=True), None)
    now += scaling.RECENT_SECONDS
    assert await asking.ask(before.job, target)
    later = cache.observe(KEY)
    assert later is not None
    assert later.scaling == observed.Scaling()


@pytest.mark.looptime
async def test_jobs_that_wait_for_nodes_take_no_turn_from_a_silent_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = benches.Bench()
    await bench.applied()
    job = bench.process.cache.observe(KEY)
    assert job is not None

    async def newest(namespace: str, target: plan.Inquiry) -> Any:
        return {"reason": "FailedMount", "message": "secret x not found"}

    monkeypatch.setattr(bench.world, "newest_event", newest)
    asking = inquiries.Inquiries(cache=bench.process.cache, api=bench.world, clock=lambda: 0.0)
    uid = observed.Uid("pod-1")
    about = plan.Inquiry("Pod", "gestures-1-0", uid, reasons=scaling.MAKES)

    assert await asking.ask(job.job, about)
    assert not await asking.ask(job.job, about)
    assert await asking.ask(job.job, plan.Inquiry("Pod", "gestures-1-0", uid))
