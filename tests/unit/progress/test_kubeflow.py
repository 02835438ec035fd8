"""Kubeflow's payload on the same sink."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.progress import rig as rigs

HUGGING_FACE = {
    "trainerStatus": {
        "lastUpdatedTime": "2026-11-24T12:00:00+00:00",
        "progressPercentage": 45,
        "estimatedRemainingSeconds": 795,
        "metrics": [
            {"name": "loss", "value": "0.23"},
            {"name": "learning_rate", "value": "5e-05"},
            {"name": "current_step", "value": "450"},
            {"name": "total_steps", "value": "1000"},
            {"name": "current_epoch", "value": "1.35"},
        ],
    }
}


async def test_callback_of_hugging_face_is_understood(rig: rigs.Rig) -> None:
    answer = await rig.post(HUGGING_FACE, path=rigs.KUBEFLOW_PATH)

    assert answer.status_code == 200
    kept = rig.kept
    assert kept is not None
    assert (kept.percent, kept.estimated_remaining_seconds, kept.loss) == (45, 795, 0.23)
    assert (kept.step, kept.total_steps, kept.epoch) == (450, 1000, 1)
    assert kept.metrics == {"learning_rate": 5e-05}


async def test_what_it_can_not_tell_stays_as_it_was(rig: rigs.Rig) -> None:
    await rig.post(rigs.push())
    rig.now += 5

    await rig.post({"trainerStatus": {"progressPercentage": 50}}, path=rigs.KUBEFLOW_PATH)

    assert rig.kept is not None
    assert (rig.kept.percent, rig.kept.step, rig.kept.samples) == (50, 1200, 76800)


async def test_both_payloads_may_come_from_one_pod(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(sequence=1))
    rig.now += 5
    await rig.post(HUGGING_FACE, path=rigs.KUBEFLOW_PATH)
    rig.now += 5

    await rig.post(rigs.push(sequence=2, step=1300))

    assert rig.kept is not None
    assert rig.kept.step == 1300
    assert rig.counts == {"accepted": 3}


async def test_one_hundred_percent_may_follow_at_once(rig: rigs.Rig) -> None:
    await rig.post(HUGGING_FACE, path=rigs.KUBEFLOW_PATH)

    answer = await rig.post({"trainerStatus": {"progressPercentage": 100}}, path=rigs.KUBEFLOW_PATH)

    assert answer.status_code == 200


async def test_unreadable_metrics_are_left_out(rig: rigs.Rig) -> None:
    values = {
        "nan": "nan",
        "infinite": "inf",
        "huge": "1e999",
        "underscore": "1_0",
        "empty": "",
        "spaces": " 1",
        "long": "1" * 100,
        'na"me': "1",
        "good": "-.5",
    }
    metrics = [{"name": name, "value": value} for name, value in values.items()]

    answer = await rig.post({"trainerStatus": {"metrics": metrics}}, path=rigs.KUBEFLOW_PATH)

    assert answer.status_code == 200
    assert rig.kept is not None
    assert rig.kept.metrics == {"good": -0.5}


async def test_more_than_ten_metrics_are_cut(rig: rigs.Rig) -> None:
    metrics = [{"name": f"m{number}", "value": "1"} for number in range(30)]

    await rig.post({"trainerStatus": {"metrics": metrics}}, path=rigs.KUBEFLOW_PATH)

    assert rig.kept is not None
    assert len(rig.kept.metrics) == 10


@pytest.mark.parametrize(
    "status",
    [
        {"progressPercentage": 101},
        {"progressPercentage": -1},
        {"progressPercentage": "45"},
        {"estimatedRemainingSeconds": -5},
        {"metrics": {"loss": "0.1"}},
        {"metrics": [{"name": "loss", "value": 0.1}]},
        {"metrics": [{"name": "m", "value": "1"}] * 257},
    ],
)
async def test_wrong_type_is_refused(rig: rigs.Rig, status: dict[str, Any]) -> None:
    answer = await rig.post({"trainerStatus": status}, path=rigs.KUBEFLOW_PATH)

    assert answer.status_code == 400
