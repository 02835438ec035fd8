"""A fold that fails: it is named, and what the others told stays."""

from __future__ import annotations

import json
from typing import Any

from tests import builders
from tests.unit.core import folds, passes
from trainshed.api import status
from trainshed.core import observed, reports


def failed(*pods: folds.Pod, **facts_: Any) -> status.FailureStatus:
    """Return what the status says of a cross-validation that failed with these pods."""
    wanted = passes.decided(folds.seen(builders.job().failed(30), *pods, **facts_), now=41)
    found = passes.read(wanted).failure
    assert found is not None
    assert passes.condition(wanted, "Failed")[2].startswith(found.message)
    return found


def told_failure(**fields: Any) -> str:
    """Return the termination message of a fold that failed."""
    ended = {"outcome": "failed", "exitCode": 2, "class": "Data", "reason": "TooManyFolds"}
    return json.dumps(builders.account_document(**{**ended, "message": "too many", **fields}))


def test_a_fold_that_fails_is_named() -> None:
    found = failed(folds.done(0), folds.fold(2).exited(2, told_failure()))

    assert (found.message, found.fold, found.rank) == ("fold 2: too many", 2, None)
    assert (found.class_, found.pod, found.exit_code) == ("Data", "gestures-1-2-abcde", 2)


def test_the_reason_of_a_fold_is_the_jobs() -> None:
    before = folds.seen(builders.job().failed(30), folds.fold(1).exited(2, told_failure()))

    assert passes.condition(passes.decided(before, now=41), "Failed")[1] == "TooManyFolds"


def test_what_folds_told_stays_when_another_fails() -> None:
    before = folds.seen(
        builders.job().failed(30), folds.done(0), folds.fold(1).exited(2, told_failure())
    )

    found = passes.read(passes.decided(before, now=41))

    assert found.cross_validation is not None
    assert [each.fold for each in found.cross_validation.folds] == [0]


def test_folds_that_were_told_to_stop_are_not_blamed() -> None:
    stopped = told_failure(outcome="stopped", exitCode=75, **{"class": "Preempted"})
    found = failed(
        folds.fold(0).exited(75, stopped, after=10), folds.fold(1).exited(2, told_failure())
    )

    assert found.fold == 1


def test_a_fold_without_memory_is_named() -> None:
    found = failed(folds.fold(0).running(), folds.fold(1).oom_killed())

    assert (found.class_, found.fold) == ("HostOOM", 1)
    assert found.message == "fold 1: the container used more memory than its limit"


def test_a_fold_whose_pod_is_gone_is_named_by_its_push() -> None:
    account = reports.Account("failed", 2, failure_class="Data", message="torn file")
    gone = reports.Failure(observed.Uid("pod-uid-1-2"), account, fold=2)

    found = failed(failure=gone)

    assert (found.message, found.fold, found.rank) == ("fold 2: torn file", 2, None)


def test_folds_that_are_all_gone_without_a_word_fail_the_job() -> None:
    found = failed()

    assert (found.class_, found.fold, found.rank) == ("Unknown", None, None)
