"""Cross-validations of three folds as tests see them: pods, pushes, and what a pass tells."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests import builders, facts
from tests.unit.core import passes
from trainshed.api import cross_validation
from trainshed.core import observed, reports

COUNT = 3
Pod = builders.PodBuilder
Told = cross_validation.CrossValidationStatus


def seen(job: builders.JobBuilder, *pods: Pod, **facts_: Any) -> observed.Observation:
    """Return the observation of a cross-validation of three folds, two at a time."""
    asked = builders.training_job().cnn().folds(COUNT, parallelism=2)
    workload = job.folds(COUNT, parallelism=2)
    return builders.observation(asked, workload=workload, pods=pods, build=facts.built(), **facts_)


def again(before: observed.Observation, after: observed.Observation) -> observed.Observation:
    """Return what is seen afterwards, with the status that was stored before."""
    return dataclasses.replace(after, job=before.job)


def active() -> builders.JobBuilder:
    """Begin a Job whose pods go on."""
    return builders.job().active()


def fold(number: int) -> Pod:
    """Begin the pod of a fold, on a node."""
    return builders.pod().fold(number).on_node("node-1", since=2 + number)


def done(number: int, *, accuracy: float = 0.9, **told: Any) -> Pod:
    """Return a fold's pod that has succeeded."""
    account = builders.account_document(metrics={"accuracy": accuracy}, **told)
    return fold(number).succeeded(account, after=10 + number)


def pushed(number: int, step: int, *, received: float = 10, **fields: Any) -> reports.Progress:
    """Return the push of a fold."""
    uid = observed.Uid(fold(number).view().uid)
    return facts.progress(step, received=received, fold=number, pod_uid=uid, **fields)


def told(before: observed.Observation, *, now: float = 11) -> Told:
    """Return what a pass tells of the folds."""
    found = passes.read(passes.decided(before, now=now)).cross_validation
    assert found is not None
    return found
