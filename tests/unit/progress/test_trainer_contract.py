"""The training library's own pushes, against the endpoint."""

from __future__ import annotations

import asyncio
import pathlib

import pytest

from tests.unit.progress import rig as rigs
from trainshed_trainer import context, pushing


@pytest.fixture
def known(rig: rigs.Rig, tmp_path: pathlib.Path) -> context.Context:
    """Return what the library finds in its pod."""
    (tmp_path / "ca.pem").write_bytes(rig.authority.certificate)
    (tmp_path / "token").write_text(rig.issuer.token() + "\n")
    return context.Context(
        job="digits",
        namespace="team-a",
        attempt=1,
        progress_url=f"https://localhost:{rig.port}{rigs.PATH}",
        ca_file=str(tmp_path / "ca.pem"),
        token_file=str(tmp_path / "token"),
    )


async def test_push_is_taken(rig: rigs.Rig, known: context.Context) -> None:
    body = {name: value for name, value in rigs.push().items() if name != "sequence"}

    assert await asyncio.to_thread(pushing.send, known, body)

    assert rig.kept is not None
    assert rig.kept.samples == 76800


async def test_diverged_run_still_tells_its_progress(rig: rigs.Rig, known: context.Context) -> None:
    body = rigs.push(loss=float("nan"), metrics={"accuracy": float("nan"), "f1": 0.5})

    assert await asyncio.to_thread(pushing.send, known, body)

    assert rig.kept is not None
    assert (rig.kept.loss, rig.kept.metrics) == (None, {"f1": 0.5})


async def test_final_account_is_taken_right_after_a_push(
    rig: rigs.Rig, known: context.Context
) -> None:
    assert await asyncio.to_thread(pushing.send, known, rigs.push())
    final = rigs.push(account={"v": 1, "outcome": "succeeded", "exitCode": 0, "samples": 80000})

    assert await asyncio.to_thread(pushing.send, known, final)

    assert rig.kept is not None
    assert rig.kept.account is not None


async def test_refusal_is_no_error_in_the_pod(rig: rigs.Rig, known: context.Context) -> None:
    rig.leading = False

    assert not await asyncio.to_thread(pushing.send, known, rigs.push())
