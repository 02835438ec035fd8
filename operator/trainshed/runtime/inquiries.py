"""Asks why a start is silent, one question at a time for the whole fleet.

A list of events by field is a scan of the namespace's events for the API server: hundreds of
pods that start slowly together must not become hundreds of scans.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from trainshed.api import reasons
from trainshed.core import failures, observed, plan, scaling
from trainshed.kube import errors
from trainshed.runtime import cache as caches
from trainshed.runtime import seams

log = logging.getLogger(__name__)

GAP_SECONDS = 0.5
RECENT_SECONDS = 300.0
"""A cause that has not been told of for so long is over: the kubelet repeats itself sooner."""
_MOUNT = "see that the claim, Secret or ConfigMap exists and that the pod's node can mount it"
_ADVICE = {
    "FailedAttachVolume": _MOUNT,
    "FailedCreate": "change the job, or what refuses its pods: a quota, a policy",
    "FailedMount": _MOUNT,
}
"""What to do about an event, by its reason."""
_OTHER = "mend what it names; `kubectl describe pod` shows all events"


class Inquiries:
    """Puts what it learns into the cache, for the job's next pass."""

    def __init__(
        self, *, cache: caches.Cache, api: seams.Writer, clock: Callable[[], float]
    ) -> None:
        """`clock`: seconds."""
        self._cache = cache
        self._api = api
        self._clock = clock
        self._asking: set[bool] = set()
        self._next: dict[bool, float] = {}
        """By whether it is about an autoscaler: a thousand jobs that wait for nodes take no turn
        from one whose start is silent."""

    async def ask(self, job: observed.TrainingJobView, target: plan.Inquiry) -> bool:
        """Return whether something new was learnt; not when it is another job's turn."""
        kind = bool(target.reasons)
        if kind in self._asking or self._clock() < self._next.get(kind, float("-inf")):
            return False
        self._asking.add(kind)
        try:
            event = await self._api.newest_event(job.key.namespace, target)
        except errors.ApiError as error:
            # It only explains: what it is asked for goes on without.
            log.warning("inquiry_failed", extra={"job": str(job.key), "error": str(error)})
            return False
        finally:
            self._asking.discard(kind)
            self._next[kind] = self._clock() + GAP_SECONDS
        if target.reasons:
            return self._cache.put_scaling(job.uid, scaling.read(event, now=self._clock()))
        if event is None or not self._recent(event):
            # Whatever was said before, nobody repeats it.
            self._cache.put_warning(job.uid, None)
            return False
        said = str(event.get("message") or event.get("note") or "")
        reason = failures.sound_reason(str(event.get("reason")), reasons.Reason.START_FAILED)
        self._cache.put_warning(
            job.uid,
            observed.Refusal(
                reason, f"{reason}: {said}; {_ADVICE.get(reason, _OTHER)}", terminal=False
            ),
        )
        return True

    def _recent(self, event: seams.Body) -> bool:
        moment = scaling.last_seen(event)
        return moment is None or self._clock() - moment <= RECENT_SECONDS
