"""Why a build's pod does not start: by the watch, else by the newest event of pod or Job."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from trainshed.core import observed, plan, podbuilds
from trainshed.kube import errors
from trainshed.runtime import seams

log = logging.getLogger(__name__)


class Causes:
    """Asks the API server no sooner than a pod has been silent for a while."""

    def __init__(self, api: seams.Writer, *, quiet: float) -> None:
        """`quiet`: seconds that a pod may be silent before its events are read."""
        self._api = api
        self._quiet = quiet

    async def of(
        self, build: observed.JobView, known: Sequence[observed.PodView], told: str | None
    ) -> str:
        """Return why nothing runs; empty where something does, or where nobody says why.

        `told`: what was said before; None where nothing was asked yet.
        """
        if build.suspended:
            return podbuilds.held(build)
        silent = _silent(known)
        said = next((each for pod in silent if (each := podbuilds.waiting(pod))), "")
        if said or told is None:
            return said
        if silent:
            pod = silent[0]
            inquiry = plan.Inquiry("Pod", pod.name, pod.uid)
            return await self._event(pod.namespace, inquiry, f"build pod {pod.name} does not start")
        if _unborn(build, known):
            inquiry = plan.Inquiry("Job", build.name, build.uid)
            return await self._event(build.namespace, inquiry, f"build Job {build.name} has no pod")
        return ""

    def pause(
        self, build: observed.JobView, known: Sequence[observed.PodView], told: str
    ) -> float | None:
        """Return how long to wait for news, before events are read (again).

        Of an ended Job no news may ever come: its end is judged again after the grace.
        """
        if _silent(known) or _unborn(build, known):
            return self._quiet if not told else 10 * self._quiet
        return podbuilds.GRACE_SECONDS if podbuilds.end(build) else None

    async def _event(self, namespace: str, target: plan.Inquiry, what: str) -> str:
        """Return what the newest warning of an object says; empty where nobody says anything."""
        try:
            event = await self._api.newest_event(namespace, target)
        except errors.ApiError as error:
            # The build goes on, whatever is known of it.
            log.warning("build_events_unread", extra={"object": target.name}, exc_info=error)
            return ""
        if event is None:
            return ""
        said = str(event.get("message") or event.get("note"))[:600]
        return f"{what}: {event.get('reason')}: {said}"


def _silent(known: Sequence[observed.PodView]) -> list[observed.PodView]:
    return [
        each
        for each in known
        if each.phase not in ("Succeeded", "Failed") and each.container.started is None
    ]


def _unborn(build: observed.JobView, known: Sequence[observed.PodView]) -> bool:
    """Return whether a Job should have a pod and has none: admission may refuse it."""
    return not known and podbuilds.end(build) is None
