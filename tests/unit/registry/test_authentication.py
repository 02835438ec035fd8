"""Who may ask us who we are, and that nobody else is ever told."""

import asyncio
import base64
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.registry import faulty
from trainshed.registry import credentials, errors

PASSWORD = "pass-word-of-ann"
IDENTITY = "identity-of-ann"
TOKEN = "token-of-the-day"
LOGIN = credentials.Login("ann", PASSWORD)
SECRETS = (PASSWORD, IDENTITY, TOKEN, base64.b64encode(f"ann:{PASSWORD}".encode()).decode())
OWN = "https://registry.example/token"


def bearer(realm: str = OWN) -> str:
    """Return the challenge for tokens of a realm."""
    return f'Bearer realm="{realm}",service="r",scope="repository:x:pull"'


def guarded(
    challenge: str,
    *,
    accepted: Callable[[], str] = lambda: f"Bearer {TOKEN}",
    service: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(
        200, json={"token": TOKEN}
    ),
) -> faulty.Fault:
    """Return a registry that wants a header, and the service of its tokens."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.startswith("/v2/"):
            return service(request)
        if request.headers.get("Authorization") == accepted():
            return None
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    return fault


@pytest.mark.parametrize(
    "challenge",
    [
        bearer(),
        f"bearer realm={OWN},service=r",
        f'Basic realm="registry", {bearer()}',
        f'{bearer()}, Basic realm="https://elsewhere.example"',
    ],
    ids=["bearer", "small and bare", "after basic", "before basic"],
)
async def test_a_token_is_fetched_from_the_realm_of_the_challenge(challenge: str) -> None:
    registry = faulty.Registry(guarded(challenge))

    await faulty.Rig(registry, login=LOGIN).make()

    asked = registry.of("GET", "/token")
    assert {each.headers["Authorization"] for each in asked} == {LOGIN.basic()}
    assert {each.url.params["service"] for each in asked} == {"r"}


async def test_a_token_is_fetched_without_credentials_where_there_are_none() -> None:
    registry = faulty.Registry(guarded(bearer()))

    await faulty.Rig(registry).make()

    assert "Authorization" not in registry.of("GET", "/token")[0].headers


async def test_reads_ask_for_reading_and_a_mount_for_both_repositories() -> None:
    registry = faulty.Registry(guarded(bearer()))

    await faulty.Rig(registry, login=LOGIN).make()

    scopes = {tuple(each.url.params.get_list("scope")) for each in registry.of("GET", "/token")}
    ours = "repository:trainshed/ns/team-a:pull"
    assert scopes == {
        ("repository:bases/python:pull",),
        (ours,),
        (f"{ours},push",),
        (f"{ours},push", "repository:bases/python:pull"),
    }


async def test_a_token_that_has_expired_is_fetched_anew_once() -> None:
    issued: list[str] = []

    def service(_: httpx.Request) -> httpx.Response:
        issued.append(f"{TOKEN}-{len(issued)}")
        return httpx.Response(200, json={"access_token": issued[-1]})

    valid = [f"Bearer {TOKEN}-0"]
    registry = faulty.Registry(guarded(bearer(), accepted=lambda: valid[0], service=service))
    rig = faulty.Rig(registry, login=LOGIN)
    await rig.client.has_blob("a", "sha256:x")
    await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 1

    valid[0] = f"Bearer {TOKEN}-1"
    await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 2

    valid[0] = "Bearer none"
    with pytest.raises(errors.Unauthorized):
        await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 3


NEW = credentials.Login("ann", "renewed-word-of-ann")


async def test_a_renewed_password_is_sent_at_once() -> None:
    registry = faulty.Registry(guarded("Basic realm=x", accepted=NEW.basic))
    rig = faulty.Rig(registry, login=LOGIN)
    with pytest.raises(errors.Unauthorized):
        await rig.make()
    registry.seen.clear()

    rig.login = NEW
    await rig.make()

    assert {each.headers["Authorization"] for each in registry.seen} == {NEW.basic()}


async def test_a_password_that_is_renewed_while_a_call_is_refused_is_sent_the_second_time() -> None:
    registry = faulty.Registry()
    rig = faulty.Rig(registry, login=LOGIN)

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.headers.get("Authorization") == NEW.basic():
            return None
        rig.login = NEW
        return httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=x"})

    registry.fault = fault
    await rig.client.has_blob("a", "sha256:x")

    sent = [each.headers.get("Authorization") for each in registry.seen]
    assert sent == [None, NEW.basic()]


async def test_a_token_of_the_login_before_is_used_no_more() -> None:
    def service(request: httpx.Request) -> httpx.Response:
        name = "new" if request.headers["Authorization"] == NEW.basic() else "old"
        return httpx.Response(200, json={"token": name})

    current = ["Bearer old"]
    registry = faulty.Registry(guarded(bearer(), accepted=lambda: current[0], service=service))
    rig = faulty.Rig(registry, login=LOGIN)
    await rig.client.has_blob("a", "sha256:x")
    registry.seen.clear()

    rig.login, current[0] = NEW, "Bearer new"
    await rig.client.has_blob("a", "sha256:x")

    assert "Bearer old" not in [each.headers.get("Authorization") for each in registry.seen]


async def test_no_secret_of_the_login_before_is_in_a_message() -> None:
    registry = faulty.Registry()
    rig = faulty.Rig(registry, login=LOGIN)

    def fault(request: httpx.Request) -> httpx.Response:
        if "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=x"})
        rig.login = NEW
        return echo(request)

    registry.fault = fault
    with pytest.raises(errors.Rejected) as caught:
        await rig.make()

    assert not [each for each in SECRETS if each in str(caught.value)]


async def test_an_identity_token_is_exchanged_and_the_password_kept() -> None:
    registry = faulty.Registry(guarded(bearer()))

    await faulty.Rig(registry, login=credentials.Login("ann", PASSWORD, IDENTITY)).make()

    asked = registry.of("POST", "/token")
    assert {each.url.query for each in asked} == {b""}
    assert all(IDENTITY in each.content.decode() for each in asked)
    assert not any(PASSWORD in f"{each.headers.raw}{each.content!r}" for each in asked)


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
    registry = faulty.Registry(guarded(bearer(realm)))

    with pytest.raises(errors.NotAllowed, match=r"registry\.allowed"):
        await faulty.Rig(registry, login=LOGIN).make()

    assert {each.url.path.startswith("/v2/") for each in registry.seen} == {True}
    assert not any("Authorization" in each.headers for each in registry.seen)


@pytest.mark.parametrize("allowed", ["auth.example", "https://auth.example/"])
async def test_a_named_realm_is_called_by_tls_only(allowed: str) -> None:
    names = frozenset({allowed})
    registry = faulty.Registry(guarded(bearer("https://auth.example/token")))
    await faulty.Rig(registry, login=LOGIN, allowed=names).make()

    registry = faulty.Registry(guarded(bearer("http://auth.example/token")))
    with pytest.raises(errors.NotAllowed):
        await faulty.Rig(registry, login=LOGIN, allowed=names).make()


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

    registry = faulty.Registry(guarded(bearer(), service=service))
    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(registry, login=LOGIN).make()

    assert caught.value.reason == reason
    assert "nobody foresaw" not in str(caught.value)


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="x"', "Bearer", "basic"])
async def test_a_challenge_that_we_can_not_answer_is_told(challenge: str) -> None:
    registry = faulty.Registry(guarded(challenge, accepted=lambda: "never"))

    with pytest.raises(errors.RegistryError) as caught:
        await faulty.Rig(registry).make()

    assert caught.value.reason in ("RegistryUnauthorized", "RegistryNotAllowed")


async def test_many_who_need_the_same_token_fetch_it_once() -> None:
    registry = faulty.Registry(guarded(bearer()))
    rig = faulty.Rig(registry, login=LOGIN)

    await asyncio.gather(*(rig.client.has_blob("a", f"sha256:{n}") for n in range(50)))

    assert len(registry.of("GET", "/token")) == 1


def echo(request: httpx.Request) -> httpx.Response:
    """Say what was sent, as no registry should."""
    said = f"{request.headers} {request.headers.get('Authorization')} {request.content!r}"
    return httpx.Response(400, json={"errors": [{"code": said, "message": said}]})


@pytest.mark.parametrize("login", [LOGIN, credentials.Login("ann", PASSWORD, IDENTITY)])
@pytest.mark.parametrize("where", ["registry by basic", "registry by token", "token service"])
async def test_no_secret_is_in_a_message_a_repr_or_a_log(
    where: str, login: credentials.Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def fault(request: httpx.Request) -> Any:
        if not request.url.path.startswith("/v2/"):
            return (
                echo(request)
                if where == "token service"
                else httpx.Response(200, json={"token": TOKEN})
            )
        if "Authorization" not in request.headers:
            challenge = "Basic realm=x" if where == "registry by basic" else bearer()
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return echo(request)

    rig = faulty.Rig(faulty.Registry(fault), login=login)
    with pytest.raises(errors.Rejected, match="answers 400") as caught:
        await rig.make()

    chain: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        chain.append(f"{error} {error!r}")
        error = error.__cause__ or error.__context__
    shown = f"{chain} {login!r} {rig.client!r} {rig.builder!r} {caplog.text}"
    assert not [each for each in SECRETS if each in shown]
