"""Fleets of jobs for the metrics: statuses as the core writes them, views as the cache has them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from trainshed.api import performance, phases, status
from trainshed.core import observed, reports, times

T0 = 1_790_000_000.0
SPEC = {"framework": "pytorch", "model": {"name": "cnn"}, "data": {"name": "digits"}}


class Fleet:
    """A cache of observations."""

    def __init__(self, *seen: observed.Observation) -> None:
        """Hold these jobs."""
        self.seen = {each.job.key: each for each in seen}

    def jobs(self) -> Iterable[observed.TrainingJobView]:
        """Return the jobs."""
        return iter(tuple(each.job for each in self.seen.values()))

    def observe(self, key: observed.JobKey) -> observed.Observation | None:
        """Return one."""
        return self.seen.get(key)


def job(
    name: str = "digits",
    *,
    namespace: str = "team-a",
    written: status.TrainingJobStatus | None = None,
    spec: Mapping[str, Any] | None = None,
    progress: reports.Progress | None = None,
    pods: tuple[observed.PodView, ...] = (),
) -> observed.Observation:
    """Return an observation of a job with this status."""
    view = observed.TrainingJobView(
        key=observed.JobKey(namespace, name),
        uid=observed.Uid(f"uid-{namespace}-{name}"),
        resource_version="1",
        generation=1,
        created=T0,
        first_seen=T0,
        deleting=False,
        spec=json.dumps(SPEC if spec is None else spec).encode(),
        status=json.dumps(written.dump() if written else {}).encode(),
    )
    return observed.Observation(job=view, pods=pods, progress=progress)


def running() -> status.TrainingJobStatus:
    """Return the status in the middle of a run."""
    return status.TrainingJobStatus(
        phase=phases.Phase.RUNNING,
        observed_generation=1,
        conditions=[condition(each) for each in ("Accepted", "ImageReady", "Placed", "Running")],
        image=status.ImageStatus(ref="r/trainshed/team-a@sha256:" + "a" * 64, key="k" * 32),
        placement=status.Placement(type="cpu", nodes=["node-1"]),
        attempts=status.Attempts(current=1),
        progress=progress(),
        timeline=status.Timeline(
            since=times.render(T0),
            building=0.2,
            scheduling=0.1,
            pulling=1.5,
            initialising=2.2,
            first_step=0.3,
            to_first_step=4.3,
        ),
        start_time=times.render(T0 + 2),
    )


def succeeded(*, ended: float = 60.0) -> status.TrainingJobStatus:
    """Return the status of a job that succeeded so many seconds after T0."""
    return running().model_copy(
        update={
            "phase": phases.Phase.SUCCEEDED,
            "conditions": [condition("Accepted"), condition("Succeeded")],
            "progress": progress(step=5000, percent=100, samples_per_second=4000.0),
            "completion_time": times.render(T0 + ended),
            "result": status.Result(
                samples=320000, seconds=80.0, samples_per_second=4000.0, steps=5000, epochs=10
            ),
        }
    )


def condition(type_: str, value: str = "True") -> status.Condition:
    """Return a condition."""
    return status.Condition(
        type=type_, status=value, reason="R", message="m", last_transition_time=times.render(T0)
    )


def progress(**changes: Any) -> status.ProgressStatus:
    """Return progress as the status has it."""
    known = status.ProgressStatus(
        step=1200,
        total_steps=5000,
        epoch=3,
        percent=24,
        samples_per_second=4100.2,
        step_seconds=performance.StepSeconds(p50=0.015, p95=0.021),
        data_wait_ratio=0.04,
        loss=0.31,
        metrics={"accuracy": 0.93},
        last_update_time=times.render(T0 + 20),
    )
    return known.model_copy(update=changes)


def pushed(**changes: Any) -> reports.Progress:
    """Return a push that is newer than `progress`."""
    known = reports.Progress(
        pod_uid=observed.Uid("pod-uid-1"),
        attempt=1,
        sequence=20,
        received=T0 + 30,
        step=2500,
        total_steps=5000,
        epoch=5,
        samples=160000,
        training_seconds=39.0,
        samples_per_second=4200.5,
        step_seconds_p50=0.014,
        step_seconds_p95=0.02,
        data_wait_ratio=0.03,
        loss=0.2,
        metrics={"accuracy": 0.95},
    )
    return dataclasses.replace(known, **changes)


def pod(phase: str = "Running", *, name: str = "digits-1-0-abcde") -> observed.PodView:
    """Return a pod of the job."""
    return observed.PodView(
        namespace="team-a",
        name=name,
        uid=observed.Uid("pod-uid-1"),
        owner_uid=observed.Uid("job-uid-1"),
        resource_version="1",
        training_job="digits",
        attempt=1,
        created=T0,
        deleting=False,
        phase=phase,
        reason="",
        message="",
        node="node-1",
        container=observed.ContainerView(),
    )


def many(number: int) -> Fleet:
    """Return a fleet of running jobs."""
    written, live, only = running(), pushed(), (pod(),)
    return Fleet(
        *(job(f"job-{each}", written=written, progress=live, pods=only) for each in range(number))
    )
