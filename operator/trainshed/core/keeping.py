"""The run's checkpoints as status: up to where it is kept, and what is lost."""

from __future__ import annotations

from trainshed.api import checkpoint
from trainshed.core import draft as drafts
from trainshed.core import observed, reports


def settle(draft: drafts.Draft, told: reports.Checkpoint | None) -> None:
    """Take what a push tells of checkpoints into the status."""
    if told is not None:
        draft.fields["checkpoint"] = _render(told, lost_steps=0)


def end(
    draft: drafts.Draft,
    seen: observed.Observation,
    told: reports.Account | None,
    *,
    succeeded: bool,
) -> None:
    """Take what is last known of checkpoints, and count the steps after them."""
    pushed = seen.progress
    known = (told.checkpoint if told else None) or (pushed.checkpoint if pushed else None)
    if known is None:
        stored = draft.before.checkpoint
        if stored is None:
            return
        known = reports.Checkpoint(stored.last_step, stored.resumed_from_step)
    lost = 0 if succeeded else max(0, _steps(draft, seen, told) - known.last_step)
    draft.fields["checkpoint"] = _render(known, lost_steps=lost)


def _steps(draft: drafts.Draft, seen: observed.Observation, told: reports.Account | None) -> int:
    """Return how far the run got, as far as anybody told."""
    stored = draft.before.progress
    return max(
        told.steps if told is not None else 0,
        seen.progress.step if seen.progress is not None else 0,
        stored.step if stored is not None else 0,
    )


def _render(told: reports.Checkpoint, *, lost_steps: int) -> checkpoint.CheckpointStatus:
    return checkpoint.CheckpointStatus(
        last_step=told.last_step,
        resumed_from_step=told.resumed_from_step,
        lost_steps=lost_steps,
    )
