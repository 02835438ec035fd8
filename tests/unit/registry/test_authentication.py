"""Who may ask us who we are, and that nobody else is ever told."""

import asyncio
import logging
from typing import Any

import httpx
import pytest

from tests.unit.registry import faulty, guards
from trainshed.registry import credentials, errors


@pytest.mark.parametrize(
    "challenge",
    [
        guards.bearer(),
        f"bearer realm={guards.OWN},service=r",
        f'Basic realm="registry", {guards.bearer()}',
        f'{guards.bearer()}, Basic realm="https://elsewhere.example"',
    ],
    ids=["bearer", "small and bare", "after basic", "before basic"],
)
async def test_a_token_is_fetched_from_the_realm_of_the_challenge(challenge: str) -> None:
    registry = faulty.Registry(guards.guarded(challenge))

    await faulty.Rig(registry, login=guards.LOGIN).make()

    asked = registry.of("GET", "/token")
    assert {each.headers["Authorization"] for each in asked} == {guards.LOGIN.basic()}
    assert {each.url.params["service"] for each in asked} == {"r"}


async def test_a_token_is_fetched_without_credentials_where_there_are_none() -> None:
    registry = faulty.Registry(guards.guarded(guards.bearer()))

    await faulty.Rig(registry).make()

    assert "Authorization" not in registry.of("GET", "/token")[0].headers


async def test_reads_ask_for_reading_and_a_mount_for_both_repositories() -> None:
    registry = faulty.Registry(guards.guarded(guards.bearer()))

    await faulty.Rig(registry, login=guards.LOGIN).make()

    scopes = {tuple(each.url.params.get_list("scope")) for each in registry.of("GET", "/token")}
    ours = "repository:trainshed/ns/team-a:pull"
    assert scopes == {
        ("repository:bases/python:pull",),
        (ours,),
        (f"{ours},push",),
        (f"{ours},push", "repository:bases/python:pull"),
    }


async def test_an_identity_token_is_exchanged_and_the_password_kept() -> None:
    registry = faulty.Registry(guards.guarded(guards.bearer()))

    await faulty.Rig(
        registry, login=credentials.Login("ann", guards.PASSWORD, guards.IDENTITY)
    ).make()

    asked = registry.of("POST", "/token")
    assert {each.url.query for each in asked} == {b""}
    assert all(guards.IDENTITY in each.content.decode() for each in asked)
    assert not any(guards.PASSWORD in f"{each.headers.raw}{each.content!r}" for each in asked)


@pytest.mark.parametrize(
    "realm",
    [
        "https://elsewhere.example/token",
        "http://registry.example/token",
        "https://registry.example@elsewhere.example/token",
        "https://registry.example.elsewhere.example/token",
        "https://registry.example:444/token",
        "//registry.example/token",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
async def test_a_realm_that_nobody_named_is_never_called(realm: str) -> None:
    registry = faulty.Registry(guards.guarded(guards.bearer(realm)))

    with pytest.raises(errors.NotAllowed, match=r"registry\.allowed"):
        await faulty.Rig(registry, login=guards.LOGIN).make()

    assert {each.url.path.startswith("/v2/") for each in registry.seen} == {True}
    assert not any("Authorization" in each.headers for each in registry.seen)


@pytest.mark.parametrize("allowed", ["auth.example", "https://auth.example/"])
async def test_a_named_realm_is_called_by_tls_only(allowed: str) -> None:
    names = frozenset({allowed})
    registry = faulty.Registry(guards.guarded(guards.bearer("https://auth.example/token")))
    await faulty.Rig(registry, login=guards.LOGIN, allowed=names).make()

    registry = faulty.Registry(guards.guarded(guards.bearer("http://auth.example/token")))
    with pytest.raises(errors.NotAllowed):
        await faulty.Rig(registry, login=guards.LOGIN, allowed=names).make()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(401), "RegistryUnauthorized"),
        (httpx.Response(403), "RegistryUnauthorized"),
        (httpx.Response(400, text="no"), "RegistryRejected"),
        (
            httpx.Response(307, headers={"Location": "https://elsewhere.example"}),
            "RegistryRejected",
        ),
        (httpx.Response(503), "RegistryUnavailable"),
        (httpx.Response(200, text="no json"), "RegistryRejected"),
        (httpx.Response(200, json=[]), "RegistryRejected"),
        (httpx.Response(200, json={}), "RegistryRejected"),
        (httpx.Response(200, json={"token": 3}), "RegistryRejected"),
        (httpx.Response(200, json={"token": "a\r\nX-Evil: 1"}), "RegistryRejected"),
        (httpx.Response(200, json={"token": "tökén"}), "RegistryRejected"),
        (httpx.Response(200, content=b"[" * 100_000), "RegistryRejected"),
    ],
)
async def test_a_token_service_that_fails_is_told(answer: httpx.Response, reason: str) -> None:
    body = answer.content

    def service(_: httpx.Request) -> httpx.Response:
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    registry = faulty.Registry(guards.guarded(guards.bearer(), service=service))
    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(registry, login=guards.LOGIN).make()

    assert caught.value.reason == reason
    assert "nobody foresaw" not in str(caught.value)


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="x"', "Bearer", "basic"])
async def test_a_challenge_that_we_can_not_answer_is_told(challenge: str) -> None:
    registry = faulty.Registry(guards.guarded(challenge, accepted=lambda: "never"))

    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(registry).make()

    assert caught.value.reason in ("RegistryUnauthorized", "RegistryNotAllowed")


async def test_many_who_need_the_same_token_fetch_it_once() -> None:
    registry = faulty.Registry(guards.guarded(guards.bearer()))
    rig = faulty.Rig(registry, login=guards.LOGIN)

    await asyncio.gather(*(rig.client.has_blob("a", f"sha256:{n}") for n in range(50)))

    assert len(registry.of("GET", "/token")) == 1


@pytest.mark.parametrize(
    "login", [guards.LOGIN, credentials.Login("ann", guards.PASSWORD, guards.IDENTITY)]
)
@pytest.mark.parametrize("where", ["registry by basic", "registry by token", "token service"])
async def test_no_secret_is_in_a_message_a_repr_or_a_log(
    where: str, login: credentials.Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def fault(request: httpx.Request) -> Any:
        if not request.url.path.startswith("/v2/"):
            return (
                guards.echo(request)
                if where == "token service"
                else httpx.Response(200, json={"token": guards.TOKEN})
            )
        if "Authorization" not in request.headers:
            challenge = "Basic realm=x" if where == "registry by basic" else guards.bearer()
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return guards.echo(request)

    rig = faulty.Rig(faulty.Registry(fault), login=login)
    with pytest.raises(errors.Rejected, match="answers 400") as caught:
        await rig.make()

    chain: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        chain.append(f"{error} {error!r}")
        error = error.__cause__ or error.__context__
    shown = f"{chain} {login!r} {rig.client!r} {rig.builder!r} {caplog.text}"
    assert not [each for each in guards.SECRETS if each in shown]
