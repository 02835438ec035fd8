"""Tells on a job that its passes crash: it would stand still, and nobody but the log say why.

A crash or two may be of a moment. From the third in a row it is a condition, written once, and an
event, repeated now and then as events pass away. The first pass that goes well takes it back.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trainshed.api import reasons
from trainshed.core import observe, observed, plan, stalling
from trainshed.kube import errors
from trainshed.runtime import cache as caches
from trainshed.runtime import loop, seams

log = logging.getLogger(__name__)

IN_A_ROW = 3
"""Crashes before it is told."""
AGAIN_SECONDS = 1800.0
"""Until it is told again: an event lives for an hour."""


@dataclass(slots=True)
class _Row:
    """Crashes of one job, one after the other."""

    count: int = 0
    told: float = float("-inf")


class Stalls:
    """Runs passes, and tells of those that crash."""

    def __init__(
        self,
        reconcile: Callable[[observed.JobKey], Awaitable[loop.Result]],
        *,
        cache: caches.Cache,
        api: seams.Writer,
        recorder: seams.Recorder,
        clock: Callable[[], float],
    ) -> None:
        """`reconcile`: one pass. `clock`: Unix seconds."""
        self._reconcile = reconcile
        self._cache = cache
        self._api = api
        self._recorder = recorder
        self._clock = clock
        self._rows: dict[observed.JobKey, _Row] = {}

    async def reconcile(self, key: observed.JobKey) -> loop.Result:
        """Bring one job a step further; raises what the pass raises."""
        try:
            result = await self._reconcile(key)
        except (errors.ApiError, loop.Retryable):
            raise
        except Exception as error:
            await self._crashed(key, error)
            raise
        self._rows.pop(key, None)
        return result

    async def _crashed(self, key: observed.JobKey, error: Exception) -> None:
        job = self._cache.job(key)
        if job is None:
            self._rows.pop(key, None)
            return
        row = self._rows.setdefault(key, _Row())
        row.count += 1
        if row.count < IN_A_ROW or self._clock() - row.told < AGAIN_SECONDS:
            return
        try:
            await self._tell(job, stalling.message(error))
        except errors.ApiError as refused:
            log.debug("stall_not_told", extra={"job": str(key), "error": str(refused)})
        else:
            row.told = self._clock()

    async def _tell(self, job: observed.TrainingJobView, said: str) -> None:
        conditions = stalling.conditions(job, said, now=self._clock())
        if conditions is not None:
            body = await self._api.patch_status(
                job.key, {"conditions": conditions}, resource_version=job.resource_version
            )
            self._cache.put_job(observe.training_job(body, now=self._clock()), answer=True)
        told = plan.Notice(warning=True, reason=reasons.Reason.INTERNAL_ERROR, message=said)
        self._recorder.record(job, told)
