"""Why a start is silent: what an event says, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders
from tests.unit.runtime import benches
from trainshed.core import observed, plan
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

    monkeypatch.setattr(bench.world, "newest_warning", newest)
    asking = inquiries.Inquiries(cache=cache, api=bench.world, clock=lambda: 0.0)

    target = plan.Inquiry(kind="Pod", name="gestures-1-0", uid=observed.Uid("pod-1"))
    assert await asking.ask(before.job, target)

    after = cache.observe(KEY)
    assert after is not None
    assert after.warning is not None
    assert after.warning.message.startswith(f"{reason}: secret x not found; ")
    assert advice in after.warning.message
