"""Takes pushes into the cache and lets them reach the status at their pace."""

from __future__ import annotations

from trainshed.core import observed, reports
from trainshed.runtime import cache as caches
from trainshed.runtime import pacing


class Pushes:
    """Implements `progress.endpoint.Sink` on the cache."""

    def __init__(self, *, cache: caches.Cache, pacer: pacing.Pacer) -> None:
        """Keep pushes in this cache and wake their jobs by this pacer."""
        self._cache = cache
        cache.on_forget(pacer.forget)
        self._pacer = pacer

    def last(self, key: observed.JobKey, fold: int | None) -> reports.Progress | None:
        """Return the last progress that was kept of a job, or of this fold of it."""
        job = self._cache.job(key)
        return self._cache.progress(job.uid, fold) if job is not None else None

    def accept(self, key: observed.JobKey, progress: reports.Progress) -> None:
        """Keep a progress: it is newer than the last, of a pod of that job."""
        job = self._cache.job(key)
        if job is None:
            return
        known = self._cache.progress(job.uid, progress.fold)
        self._cache.put_progress(job.uid, progress)
        if progress.account is not None and progress.account.outcome == "failed":
            failure = reports.Failure(progress.pod_uid, progress.account, progress.fold)
            self._cache.put_failure(job.uid, failure)
        first = progress.first_step_time is not None and (
            known is None or known.first_step_time is None
        )
        self._pacer.offer(key, now=first or progress.account is not None)

    def fail(self, key: observed.JobKey, failure: reports.Failure) -> None:
        """Keep a failure of any rank, if it is the job's first."""
        job = self._cache.job(key)
        if job is not None:
            self._cache.put_failure(job.uid, failure)
