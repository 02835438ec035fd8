"""Says on a TrainingJob, as Kubernetes events, what a pass noticed."""

from __future__ import annotations

from trainshed.core import observed, plan
from trainshed.kube import events, kinds


class Recording:
    """Implements `seams.Recorder` on the event recorder."""

    def __init__(self, recorder: events.Recorder) -> None:
        """Hand every notice to this recorder."""
        self._recorder = recorder

    def record(self, job: observed.TrainingJobView, notice: plan.Notice) -> None:
        """Record an event for a TrainingJob."""
        regarding = events.Regarding(kinds.TRAINING_JOBS, job.key.namespace, job.key.name, job.uid)
        self._recorder.record(
            regarding,
            reason=notice.reason,
            message=notice.message,
            type_="Warning" if notice.warning else "Normal",
        )
