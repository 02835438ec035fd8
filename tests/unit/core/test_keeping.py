"""Checkpoints: up to where a run is kept, and what of it is lost."""

import json
from typing import Any

import pytest

from tests import builders, facts
from tests.unit.core import passes, structural
from trainshed.api import checkpoint
from trainshed.core import reports

KEPT = reports.Checkpoint(last_step=80, resumed_from_step=40)


def read(**seen: Any) -> checkpoint.CheckpointStatus | None:
    """Return what a pass writes of checkpoints."""
    wanted = passes.decided(builders.observation(build=facts.built(), **seen), now=31)
    assert structural.faults(wanted.status, structural.STATUS) == []
    return passes.read(wanted).checkpoint


def ended(code: int, **account: Any) -> dict[str, Any]:
    """Return a job that ended, with its account."""
    outcome = "succeeded" if code == 0 else "failed"
    told = builders.account_document(outcome=outcome, exitCode=code, **account)
    job = builders.job().complete(30) if code == 0 else builders.job().failed(30)
    return {"workload": job, "pods": [builders.pod().on_node().exited(code, json.dumps(told))]}


def test_a_push_tells_up_to_where_the_run_is_kept() -> None:
    running = builders.pod().on_node().running()
    push = facts.progress(90, received=30, checkpoint=KEPT)

    found = read(workload=builders.job().active(), pods=[running], progress=push)

    assert found == checkpoint.CheckpointStatus(last_step=80, resumed_from_step=40)


def test_a_run_that_writes_none_has_none() -> None:
    assert read(**ended(0)) is None


def test_a_run_that_succeeded_has_lost_nothing() -> None:
    kept = {"lastStep": 100, "resumedFromStep": 40}

    assert read(**ended(0, checkpoint=kept)) == checkpoint.CheckpointStatus(
        last_step=100, resumed_from_step=40, lost_steps=0
    )


def test_the_steps_after_the_last_checkpoint_of_a_failed_run_are_lost() -> None:
    found = read(**ended(1, steps=95, checkpoint={"lastStep": 80}))

    assert found is not None
    assert (found.last_step, found.lost_steps) == (80, 15)


def test_without_an_account_the_last_push_says_what_is_lost() -> None:
    pods = [builders.pod().on_node().oom_killed()]
    push = facts.progress(93, received=28, checkpoint=KEPT)

    found = read(workload=builders.job().failed(30), pods=pods, progress=push)

    assert found is not None
    assert (found.last_step, found.resumed_from_step, found.lost_steps) == (80, 40, 13)


def test_after_a_restart_the_status_says_what_is_lost() -> None:
    stored = {"checkpoint": {"lastStep": 80}, "progress": {"step": 85}}
    pods = [builders.pod().on_node().oom_killed()]
    job = builders.training_job().cnn().status(stored).view()

    found = passes.read(
        passes.decided(
            builders.observation(
                job, build=facts.built(), workload=builders.job().failed(30), pods=pods
            ),
            now=41,
        )
    ).checkpoint

    assert found is not None
    assert (found.last_step, found.lost_steps) == (80, 5)


@pytest.mark.parametrize(("told", "shown"), [({"corruptSamples": 3}, 3), ({}, None)])
def test_samples_that_were_left_out_are_counted_in_the_result(
    told: dict[str, int], shown: int | None
) -> None:
    seen = builders.observation(build=facts.built(), **ended(0, **told))

    result = passes.read(passes.decided(seen, now=31)).result

    assert result is not None
    assert result.corrupt_samples == shown


def test_the_time_to_the_target_is_a_result() -> None:
    wanted = passes.decided(
        builders.observation(build=facts.built(), **ended(0, timeToTargetSeconds=4.56789)), now=31
    )

    result = passes.read(wanted).result
    assert result is not None
    assert result.time_to_target_seconds == 4.568
