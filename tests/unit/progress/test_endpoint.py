"""What a well-behaved trainer sees."""

from __future__ import annotations

import ssl

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.progress import issuer as issuers
from tests.unit.progress import rig as rigs
from trainshed.core import observed, reports


async def test_push_is_kept_as_it_was_sent(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push())

    assert (answer.status_code, answer.json()) == (200, {})
    kept = rig.kept
    assert kept is not None
    assert (kept.step, kept.total_steps, kept.samples) == (1200, 5000, 76800)
    assert (kept.step_seconds_p50, kept.step_seconds_p95) == (0.015, 0.021)
    assert (kept.pod_uid, kept.received) == ("pod-uid-1", rig.now)
    assert kept.metrics == {"accuracy": 0.93}
    assert rig.counts == {"accepted": 1}


async def test_rsa_token_is_taken(rig: rigs.Rig, rsa_key: rsa.RSAPrivateKey) -> None:
    rig.issuer.rsa_key = rsa_key

    answer = await rig.post(rigs.push(), token=rig.issuer.rsa_token())

    assert answer.status_code == 200


async def test_final_account_comes_through(rig: rigs.Rig) -> None:
    account = {"v": 1, "outcome": "succeeded", "exitCode": 0, "samples": 80000, "steps": 5000}

    await rig.post(rigs.push(account=account))

    assert rig.kept is not None
    assert rig.kept.account is not None
    assert (rig.kept.account.outcome, rig.kept.account.samples) == ("succeeded", 80000)


async def test_final_account_may_follow_at_once_and_is_the_last_word(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(sequence=1))

    final = await rig.post(rigs.push(sequence=2, account={"outcome": "succeeded"}))
    late = await rig.post(rigs.push(sequence=3))

    assert (final.status_code, late.status_code) == (200, 200)
    assert rig.kept is not None
    assert rig.kept.account is not None
    assert rig.counts == {"accepted": 2, "stale": 1}


async def test_first_step_may_follow_at_once(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(sequence=1, firstStepTime=None))

    answer = await rig.post(rigs.push(sequence=2))

    assert answer.status_code == 200


async def test_second_push_within_a_second_is_too_soon(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(sequence=1))
    rig.now += 0.5
    early = await rig.post(rigs.push(sequence=2))
    rig.now += 0.5
    later = await rig.post(rigs.push(sequence=3))

    assert (early.status_code, early.headers["Retry-After"]) == (429, "1")
    assert later.status_code == 200


async def test_stale_sequence_is_answered_and_dropped(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(sequence=7, step=700))
    rig.now += 10

    again = await rig.post(rigs.push(sequence=7, step=1))
    older = await rig.post(rigs.push(sequence=6, step=2))

    assert (again.status_code, older.status_code) == (200, 200)
    assert rig.kept is not None
    assert rig.kept.step == 700
    assert rig.counts == {"accepted": 1, "stale": 2}


async def test_push_of_an_earlier_attempt_is_dropped(rig: rigs.Rig) -> None:
    rig.pods["pod-uid-2"] = rigs.pod(name="digits-2-0-fghij", uid="pod-uid-2", attempt=2)
    second = rig.issuer.token(
        **{"kubernetes.io": issuers.bound(pod="digits-2-0-fghij", uid="pod-uid-2")}
    )

    await rig.post(rigs.push(attempt=2, sequence=1, step=5), token=second)
    answer = await rig.post(rigs.push(attempt=1, sequence=99, step=900))

    assert answer.status_code == 200
    assert rig.kept is not None
    assert (rig.kept.attempt, rig.kept.step) == (2, 5)


async def test_follower_sends_trainers_away(rig: rigs.Rig) -> None:
    rig.leading = False

    answer = await rig.post(rigs.push())

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert rig.kept is None


async def test_connection_is_closed_after_each_answer(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push())

    assert answer.headers["Connection"] == "close"


async def test_client_of_another_authority_does_not_connect(rig: rigs.Rig) -> None:
    async with httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.post(f"https://localhost:{rig.port}{rigs.PATH}", json=rigs.push())


KEY = observed.JobKey("team-a", "digits")
FAILED = {"v": 1, "outcome": "failed", "exitCode": 1, "message": "boom", "rank": 1}


@pytest.mark.parametrize(
    "account", [None, {"outcome": "succeeded"}, {"outcome": "stopped"}], ids=str
)
async def test_rank_0_alone_tells_of_progress(
    rig: rigs.Rig, account: dict[str, object] | None
) -> None:
    rig.pods["pod-uid-1"] = rigs.pod(index=1)

    answer = await rig.post(rigs.push(account=account))

    assert (answer.status_code, answer.json()) == (200, {})
    assert (rig.kept, rig.sink.failures) == (None, {})
    assert rig.counts == {"other_rank": 1}


async def test_every_rank_may_tell_of_its_failure(rig: rigs.Rig) -> None:
    rig.pods["pod-uid-1"] = rigs.pod(index=1)

    answer = await rig.post(rigs.push(account=FAILED))

    assert answer.status_code == 200
    assert rig.kept is None
    assert rig.sink.failures[KEY].pod_uid == "pod-uid-1"
    assert rig.sink.failures[KEY].account.message == "boom"
    assert rig.counts == {"accepted": 1}


async def test_what_another_rank_says_is_read_as_strictly(rig: rigs.Rig) -> None:
    rig.pods["pod-uid-1"] = rigs.pod(index=1)

    answer = await rig.post(rigs.push(step=-1))

    assert answer.status_code == 400


async def test_every_fold_tells_of_itself(rig: rigs.Rig) -> None:
    for fold in range(2):
        rig.pods[f"pod-uid-{fold}"] = rigs.pod(
            name=f"digits-1-{fold}-abcde", uid=f"pod-uid-{fold}", index=fold, fold=fold
        )
    tokens = [
        rig.issuer.token(
            **{"kubernetes.io": issuers.bound(pod=f"digits-1-{fold}-abcde", uid=f"pod-uid-{fold}")}
        )
        for fold in range(2)
    ]

    # At the same moment, and with a sequence that is behind the other one's.
    first = await rig.post(rigs.push(sequence=9, step=90), token=tokens[0])
    second = await rig.post(rigs.push(sequence=3, step=30), token=tokens[1])
    kubeflow = {"trainerStatus": {"progressPercentage": 50}}
    rig.now += 2
    third = await rig.post(kubeflow, path=rigs.KUBEFLOW_PATH, token=tokens[1])

    assert [each.status_code for each in (first, second, third)] == [200, 200, 200]
    kept = [rig.kept_of(fold) for fold in range(2)]
    assert [each and (each.fold, each.step, each.percent) for each in kept] == [
        (0, 90, None),
        (1, 30, 50),
    ]
    assert rig.kept is None


async def test_checkpoints_come_through(rig: rigs.Rig) -> None:
    await rig.post(rigs.push(checkpoint={"lastStep": 1100, "resumedFromStep": 400}))

    assert rig.kept is not None
    assert rig.kept.checkpoint == reports.Checkpoint(1100, 400)


async def test_only_pushes_are_served(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push(), path="/v1/namespaces/team-a/trainingjobs/digits")

    assert answer.status_code == 404
