"""What a hostile or broken client gets, and that nothing of it is kept."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from typing import Any

import jwt
import pytest

from tests.unit.progress import issuer as issuers
from tests.unit.progress import rig as rigs

NOW = int(time.time())

TOKENS: dict[str, tuple[dict[str, Any], int]] = {
    "wrong audience": ({"aud": ["https://kubernetes.default.svc"]}, 401),
    "no audience": ({"aud": None}, 401),
    "expired": ({"exp": NOW - 60}, 401),
    "without an expiry": ({"exp": None}, 401),
    "not valid yet": ({"nbf": NOW + 600}, 401),
    "another issuer": ({"iss": "https://elsewhere.example"}, 401),
    "not bound to a pod": ({"kubernetes.io": {"namespace": "team-a"}}, 401),
    "bound to nothing": ({"kubernetes.io": None}, 401),
    "bound to a list": ({"kubernetes.io": ["team-a"]}, 401),
    "another namespace": ({"kubernetes.io": issuers.bound(namespace="team-b")}, 403),
    "unknown pod": ({"kubernetes.io": issuers.bound(uid="pod-uid-9")}, 403),
    "pod of another job": ({"kubernetes.io": issuers.bound(pod="other", uid="other-uid")}, 403),
    "pod that was renamed": ({"kubernetes.io": issuers.bound(pod="digits-1-0-zzzzz")}, 403),
}


@pytest.mark.parametrize("case", TOKENS)
async def test_token_is_refused(rig: rigs.Rig, case: str) -> None:
    changes, status = TOKENS[case]
    rig.pods["other-uid"] = rigs.pod(name="other", uid="other-uid", job="other")

    answer = await rig.post(rigs.push(), token=rig.issuer.token(**changes))

    assert answer.status_code == status
    assert rig.kept is None


async def test_pod_that_the_watch_has_not_shown_yet_is_told_to_come_back(rig: rigs.Rig) -> None:
    rig.pods.clear()

    answer = await rig.post(rigs.push())

    assert (answer.status_code, answer.headers["Retry-After"]) == (403, "2")


async def test_pod_of_the_same_name_in_another_namespace_is_refused(rig: rigs.Rig) -> None:
    rig.pods["pod-uid-1"] = rigs.pod(namespace="team-b")

    answer = await rig.post(rigs.push())

    assert answer.status_code == 403


async def test_unsigned_token_is_refused(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push(), token=rig.issuer.unsigned_token())

    assert answer.status_code == 401


async def test_public_key_as_an_hmac_secret_is_refused(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push(), token=rig.issuer.confused_token())

    assert answer.status_code == 401


async def test_symmetric_key_among_the_published_ones_is_not_used(rig: rigs.Rig) -> None:
    token = jwt.encode(issuers.claims(), b"s" * 32, "HS256", headers={"kid": "symmetric"})

    answer = await rig.post(rigs.push(), token=token)

    assert answer.status_code == 401


async def test_signature_of_another_key_is_refused(rig: rigs.Rig) -> None:
    answer = await rig.post(rigs.push(), token=issuers.Issuer().token())

    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Basic dTpw", "Bearer a.b", "Bearer .."])
async def test_header_without_a_token_is_refused(rig: rigs.Rig, header: str) -> None:
    answer = await rig.post(rigs.push(), headers={"Authorization": header})

    assert answer.status_code == 401


async def test_flood_of_unknown_keys_causes_one_fetch(rig: rigs.Rig) -> None:
    flood = [rig.issuer.token(headers={"kid": f"unknown-{number}"}) for number in range(12)]

    answers = await asyncio.gather(*(rig.post(rigs.push(), token=each) for each in flood))

    assert {each.status_code for each in answers} == {401}
    assert rig.issuer.fetches == 1


async def test_unreadable_keys_are_no_verdict_on_the_token(rig: rigs.Rig) -> None:
    rig.issuer.answers = False

    answer = await rig.post(rigs.push())

    assert (answer.status_code, answer.json()["reason"]) == (503, "no_keys")


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"step=1",
    "not an object": b"[]",
    "invalid UTF-8": b'{"attempt":1,"sequence":1,"metrics":{"a\xff":1}}',
    "deep": b'{"attempt":1,"sequence":1,"account":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "deep in the metrics": b'{"attempt":1,"sequence":1,"metrics":' + b'{"a":' * 2000 + b"}" * 2000,
    "not a number": json.dumps(rigs.push(loss=float("nan"))).encode(),
    "infinity": json.dumps(rigs.push(samplesPerSecond=float("inf"))).encode(),
    "a number beyond floats": b'{"attempt":1,"sequence":1,"loss":1e999}',
    "text that is not a number": json.dumps(rigs.push(loss="NaN")).encode(),
    "negative step": json.dumps(rigs.push(step=-1)).encode(),
    "negative seconds": json.dumps(rigs.push(trainingSeconds=-0.1)).encode(),
    "negative step time": json.dumps(rigs.push(stepSeconds={"p50": -1.0})).encode(),
    "ratio above one": json.dumps(rigs.push(dataWaitRatio=1.5)).encode(),
    "a count beyond int64": json.dumps(rigs.push(samples=2**64)).encode(),
    "a fraction as a count": json.dumps(rigs.push(step=1.5)).encode(),
    "text as a count": json.dumps(rigs.push(step="1")).encode(),
    "truth as a count": json.dumps(rigs.push(step=True)).encode(),
    "a time that can't be printed": json.dumps(rigs.push(firstStepTime=1e300)).encode(),
    "a metric that is not a number": json.dumps(rigs.push(metrics={"a": "1"})).encode(),
    "no sequence": b'{"attempt":1}',
    "another attempt": json.dumps(rigs.push(attempt=2)).encode(),
    "an account without an outcome": json.dumps(rigs.push(account={"samples": 1})).encode(),
    "an account that is text": json.dumps(rigs.push(account="succeeded")).encode(),
}


@pytest.mark.parametrize("case", BODIES)
async def test_body_is_refused(rig: rigs.Rig, case: str) -> None:
    answer = await rig.post(content=BODIES[case])

    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_payload")
    assert len(answer.content) < 1024
    assert rig.kept is None


async def test_metrics_that_do_not_fit_do_not_cost_the_push(rig: rigs.Rig) -> None:
    strange = {'a"}': 1.0, "a\n": 1.0, "a" * 65: 1.0, "": 1.0, "1st": 1.0, "nan": None}
    good = {f"val/m-{number}.x_y": float(number) for number in range(12)}

    answer = await rig.post(rigs.push(metrics=strange | good))

    assert answer.status_code == 200
    assert rig.kept is not None
    assert rig.kept.metrics == {f"val/m-{number}.x_y": number for number in range(10)}


async def test_declared_oversize_is_refused_before_it_is_sent(rig: rigs.Rig) -> None:
    reader, writer = await rig.raw()
    writer.write(_head(rig, "Content-Length: 10000000") + b"{")

    assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()


async def test_oversize_without_a_length_is_cut_off(rig: rigs.Rig) -> None:
    reader, writer = await rig.raw()
    writer.write(_head(rig, "Transfer-Encoding: chunked"))
    for _ in range(20):
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")

    assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
    writer.transport.abort()


async def test_compressed_body_is_not_unpacked(rig: rigs.Rig) -> None:
    bomb = gzip.compress(b" " * 10_000_000, compresslevel=1)

    answer = await rig.post(content=bomb, headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 400


async def test_slow_body_is_given_up(idle_rig: rigs.Rig) -> None:
    async with idle_rig.serving(body_seconds=0.05) as rig:
        reader, writer = await rig.raw()
        writer.write(_head(rig, "Content-Length: 100") + b"{")

        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
        writer.transport.abort()
        assert rig.counts == {"too_slow": 1}


async def test_body_is_not_awaited_without_a_token(rig: rigs.Rig) -> None:
    reader, writer = await rig.raw()
    writer.write(f"POST {rigs.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n".encode())

    assert b" 401 " in await asyncio.wait_for(reader.readline(), 5)
    writer.transport.abort()


async def test_token_of_bytes_that_are_no_text_is_refused(rig: rigs.Rig) -> None:
    reader, writer = await rig.raw()
    writer.write(f"POST {rigs.PATH} HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"Authorization: Bearer \xff\xfe.\xff.\xff\r\nContent-Length: 0\r\n\r\n")

    assert b" 401 " in await asyncio.wait_for(reader.readline(), 5)
    writer.transport.abort()


async def test_request_with_very_many_headers_is_refused(rig: rigs.Rig) -> None:
    reader, writer = await rig.raw()
    writer.write(f"POST {rigs.PATH} HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"".join(f"X-{number}: 1\r\n".encode() for number in range(100)) + b"\r\n")

    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    writer.transport.abort()


async def test_client_that_goes_away_in_its_body_leaves_nothing(rig: rigs.Rig) -> None:
    _, writer = await rig.raw()
    writer.write(_head(rig, "Content-Length: 100") + b"{")
    await writer.drain()
    writer.transport.abort()

    answer = await rig.post(rigs.push())

    assert answer.status_code == 200


async def test_plain_http_is_dropped(rig: rigs.Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert (await rig.post(rigs.push())).status_code == 200


def _head(rig: rigs.Rig, length: str) -> bytes:
    return (
        f"POST {rigs.PATH} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {rig.issuer.token()}\r\n{length}\r\n\r\n"
    ).encode()
