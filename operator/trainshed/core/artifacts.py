"""What a run left on its volumes and what was tested of it, as status: what was asked for alone."""

from __future__ import annotations

from trainshed.api import artifacts, performance, spec
from trainshed.core import draft as drafts
from trainshed.core import findings, observed, reports
from trainshed.workloads import storage


def end(
    draft: drafts.Draft,
    key: observed.JobKey,
    asked: spec.TrainingJobSpec,
    told: reports.Account | None,
) -> None:
    """Take what the account tells of files and tests into the status.

    What the spec does not ask for is nobody's file: any code may claim it.
    """
    if told is None:
        return
    own = storage.own_folder(namespace=key.namespace, training_job=key.name)
    shown = asked.visualization
    found = artifacts.Artifacts(
        report=f"{own}/{told.report}" if shown and told.report else None,
        exports=_exports(asked, told, own) or None,
        traces=[f"{own}/{each}" for each in told.traces] or None
        if shown and shown.profile
        else None,
    )
    if found.dump():
        draft.fields["artifacts"] = found
    if told.tested is not None and asked.evaluation and asked.evaluation.performance:
        draft.fields["performance"] = _performance(told.tested)


def _exports(
    asked: spec.TrainingJobSpec, told: reports.Account, own: str
) -> list[artifacts.Exported]:
    formats = asked.export.formats if asked.export is not None else ()
    known = {each.format: each for each in told.exports if each.format in formats}
    return [
        artifacts.Exported(
            format=each.format,
            path=f"{own}/{each.path}",
            bytes=each.bytes,
            max_difference=each.difference,
            latency_seconds=_latency(each.latency),
            batch_latency_seconds=_latency(each.batch_latency),
        )
        for each in known.values()
    ]


def _latency(told: findings.Latency | None) -> artifacts.Latency | None:
    if told is None:
        return None
    return artifacts.Latency(samples=told.samples, p50=told.p50, p95=told.p95)


def _performance(told: findings.Tested) -> performance.PerformanceStatus:
    return performance.PerformanceStatus(
        steps=told.steps,
        step_seconds=performance.StepSeconds(p50=told.p50, p95=told.p95),
        samples_per_second=told.samples_per_second,
        data_wait_ratio=told.data_wait_ratio,
        parameters=told.parameters,
        forward_flops=told.flops,
        mfu=told.utilisation,
    )
