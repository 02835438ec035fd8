"""What to do is parted from what happened, in messages as the operator words them."""

from __future__ import annotations

import pytest

from trainshed.cli import advice


@pytest.mark.parametrize(
    ("message", "cause", "todo"),
    [
        (
            "ConfigMap code does not exist in team: create it",
            "ConfigMap code does not exist in team",
            "create it",
        ),
        (
            "4 of 4 are in use: team/a has 4; no node has 2 of the rest free (the scheduler: 0/1"
            " nodes are available: 1 Insufficient cpu); wait until they are free, or add a node",
            "4 of 4 are in use: team/a has 4; no node has 2 of the rest free (the scheduler: 0/1"
            " nodes are available: 1 Insufficient cpu)",
            "wait until they are free, or add a node",
        ),
        (
            "an autoscaler makes a node: pod triggered scale-up; the pod starts there by itself",
            "an autoscaler makes a node: pod triggered scale-up",
            "the pod starts there by itself",
        ),
        (
            "the registry does not answer: it is tried again",
            "the registry does not answer",
            "it is tried again",
        ),
        (
            "the scheduler has not looked at the pod yet",
            "the scheduler has not looked at the pod yet",
            "",
        ),
        ("rpc error: code = NotFound; desc", "rpc error: code = NotFound; desc", ""),
        ("", "", ""),
    ],
)
def test_a_message_is_parted_at_its_advice(message: str, cause: str, todo: str) -> None:
    assert advice.part(message) == (cause, todo)
