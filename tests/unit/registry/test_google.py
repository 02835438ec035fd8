"""Google's token is asked for in time and not too often, and shown to Google's registries alone."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.unit.registry import faulty, guards
from trainshed.core import plan
from trainshed.registry import builder, credentials, errors, google, retries, targets

OURS = "europe-west4-docker.pkg.dev"
TOKEN = "ya29.token-of-google"
BASIC = "Basic " + base64.b64encode(f"oauth2accesstoken:{TOKEN}".encode()).decode()
CHALLENGE = f'Bearer realm="https://{OURS}/v2/token",service="{OURS}",scope="repository:a:pull"'
GIVEN = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}


@dataclass(slots=True)
class Metadata:
    """A fake of the metadata server: answers what it is told to, and remembers who asked."""

    answer: Callable[[], httpx.Response] = lambda: httpx.Response(200, json=GIVEN)
    asked: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as told; after a moment, in which others may ask."""
        self.asked.append(request)
        await asyncio.sleep(0)
        return faulty.unread(self.answer())


@dataclass(slots=True)
class Rig:
    """A lender, and the server that it asks."""

    server: Metadata = field(default_factory=Metadata)
    clock: faulty.Clock = field(default_factory=faulty.Clock)
    slept: list[float] = field(default_factory=list)
    lender: google.Lender = field(init=False)

    def __post_init__(self) -> None:
        self.lender = google.Lender(
            httpx.AsyncClient(transport=httpx.MockTransport(self.server)),
            clock=self.clock,
            patience=retries.Retries(self._sleep, lambda: 0.0, attempts=google.ATTEMPTS),
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def gives(self, token: str, seconds: float = 3600) -> None:
        """Have the server give a token."""
        document = {"access_token": token, "expires_in": seconds}
        self.server.answer = lambda: httpx.Response(200, json=document)

    def fails(self, status: int = 503) -> None:
        """Have the server give none."""
        self.server.answer = lambda: httpx.Response(status)

    async def password(self) -> str:
        """Return the token that is lent."""
        return (await self.lender.lend()).password


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://europe-west4-docker.pkg.dev", True),
        ("https://us-docker.pkg.dev", True),
        ("https://gcr.io", True),
        ("https://eu.gcr.io", True),
        ("http://us-docker.pkg.dev", False),
        ("https://us-docker.pkg.dev:444", False),
        ("https://us-docker.pkg.dev.evil.example", False),
        ("https://evil.example/us-docker.pkg.dev", False),
        ("https://us-docker.pkg.dev@evil.example", False),
        ("https://evil.us-docker.pkg.dev", False),
        ("https://us-npm.pkg.dev", False),
        ("https://notgcr.io", False),
        ("https://gcr.io.evil.example", False),
        ("https://docker.io", False),
    ],
)
def test_googles_registries_are_known_by_their_names(url: str, known: bool) -> None:
    assert google.knows(url) is known


async def test_a_token_is_asked_for_as_google_wants_it_and_kept() -> None:
    rig = Rig()

    assert await rig.lender.lend() == await rig.lender.lend()

    (asked,) = rig.server.asked
    assert str(asked.url) == (
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
    )
    assert asked.headers["Metadata-Flavor"] == "Google"
    assert (await rig.lender.lend()).basic() == BASIC


async def test_many_who_need_it_at_once_ask_once() -> None:
    rig = Rig()

    await asyncio.gather(*(rig.lender.lend() for _ in range(50)))

    assert len(rig.server.asked) == 1


async def test_it_is_renewed_before_it_ends() -> None:
    rig = Rig()
    rig.gives("first", 3600)
    assert await rig.password() == "first"
    rig.gives("second")

    rig.clock.now += 3600 - google.RENEW_SECONDS - 1
    assert await rig.password() == "first"
    rig.clock.now += 2
    assert await rig.password() == "second"


async def test_one_that_can_not_be_renewed_is_used_to_its_end_and_not_beyond() -> None:
    rig = Rig()
    await rig.lender.lend()
    rig.fails()

    rig.clock.now += 3600 - 60
    assert await rig.password() == TOKEN
    rig.clock.now += 61
    with pytest.raises(errors.MetadataServerUnavailable):
        await rig.lender.lend()


async def test_a_token_that_is_short_is_not_asked_for_at_each_call() -> None:
    rig = Rig()
    rig.gives("short", 30)

    for _ in range(5):
        assert await rig.password() == "short"
    assert len(rig.server.asked) == 1
    rig.clock.now += google.QUIET_SECONDS
    await rig.lender.lend()
    assert len(rig.server.asked) == 2


async def test_once_a_short_token_has_ended_another_is_asked_for_at_once() -> None:
    rig = Rig()
    rig.gives("short", 5)
    assert await rig.password() == "short"

    rig.gives("next", 5)
    rig.clock.now += google.QUIET_SECONDS - 3
    assert await rig.password() == "next"
    rig.fails()
    rig.clock.now += 6
    with pytest.raises(errors.MetadataServerUnavailable, match="it answers 503"):
        await rig.lender.lend()


async def test_an_older_failure_is_not_told_of_a_token_that_was_given_since() -> None:
    rig = Rig()
    rig.fails()
    with pytest.raises(errors.MetadataServerUnavailable):
        await rig.lender.lend()
    rig.gives("short", 5)
    rig.clock.now += google.QUIET_SECONDS
    await rig.lender.lend()

    rig.gives("next")
    rig.clock.now += google.QUIET_SECONDS - 3
    assert await rig.password() == "next"


async def test_a_token_that_ends_at_once_is_none() -> None:
    rig = Rig()
    rig.gives("gone", 0.5)

    for _ in range(3):
        with pytest.raises(errors.MetadataServerUnavailable, match="ends at once"):
            await rig.lender.lend()

    assert len(rig.server.asked) == google.ATTEMPTS


async def test_a_failure_is_remembered_for_a_moment_and_then_asked_about_again() -> None:
    rig = Rig()
    rig.fails()
    for _ in range(3):
        with pytest.raises(errors.MetadataServerUnavailable, match="it answers 503"):
            await rig.lender.lend()
    assert len(rig.server.asked) == google.ATTEMPTS
    assert sum(rig.slept) > 10, "a new pod is answered only after some seconds"

    rig.gives("late")
    rig.clock.now += google.QUIET_SECONDS
    assert await rig.password() == "late"


def _raising(error: Exception) -> httpx.Response:
    raise error


ANSWERS: dict[str, tuple[Callable[[], httpx.Response], str]] = {
    "no such account": (lambda: httpx.Response(404), "MetadataServerRefused"),
    "no right": (lambda: httpx.Response(403), "MetadataServerRefused"),
    "sent elsewhere": (
        lambda: httpx.Response(302, headers={"Location": "http://elsewhere.example"}),
        "MetadataServerRefused",
    ),
    "busy": (lambda: httpx.Response(429), "MetadataServerUnavailable"),
    "no name": (lambda: _raising(httpx.ConnectError("no name")), "MetadataServerUnavailable"),
    "silence": (lambda: _raising(httpx.ConnectTimeout("3 s")), "MetadataServerUnavailable"),
    "no JSON": (lambda: httpx.Response(200, text="hello"), "MetadataServerUnavailable"),
    "too much": (lambda: httpx.Response(200, text="x" * (5 << 20)), "MetadataServerUnavailable"),
    "no token": (lambda: httpx.Response(200, json={}), "MetadataServerUnavailable"),
    "two lines": (
        lambda: httpx.Response(200, json={"access_token": "a\nb", "expires_in": 9}),
        "MetadataServerUnavailable",
    ),
    "no end": (
        lambda: httpx.Response(200, json={"access_token": "a"}),
        "MetadataServerUnavailable",
    ),
    "an end before now": (
        lambda: httpx.Response(200, json={"access_token": "a", "expires_in": 0}),
        "MetadataServerUnavailable",
    ),
}


@pytest.mark.parametrize(("answer", "reason"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_what_gives_no_token_is_told_with_what_to_do(
    answer: Callable[[], httpx.Response], reason: str
) -> None:
    rig = Rig(Metadata(answer))

    with pytest.raises(errors.RegistryError, match=r"see docs/how-to/gke\.md") as caught:
        await rig.lender.lend()

    assert caught.value.reason == reason
    assert not caught.value.terminal
    assert "elsewhere" not in {each.url.host for each in rig.server.asked}


async def test_it_is_not_opened_unless_it_is_wanted() -> None:
    async with google.opened(False, push="https://r.example", clock=lambda: 0.0) as lender:
        assert lender is None


@pytest.mark.parametrize("push", ["https://r.example", f"http://{OURS}", "http://localhost:5000"])
async def test_it_is_not_opened_for_a_registry_of_somebody_else(push: str) -> None:
    with pytest.raises(ValueError, match=r"registry\.credentials\.google needs registry\.pull"):
        async with google.opened(True, push=push, clock=lambda: 0.0):
            pass


@dataclass(slots=True)
class Making:
    """A builder that Google's token is lent to, and a registry that answers under any name."""

    fault: faulty.Fault
    logins: dict[str, credentials.Login] = field(default_factory=dict)
    lending: Rig = field(default_factory=Rig)

    def __post_init__(self) -> None:
        self.registry = faulty.Registry(self.fault)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.registry))
        self.builder = builder.Builder(
            http,
            target=targets.Target(
                push=f"https://{OURS}",
                pull=OURS,
                prefix="project/trainshed-{namespace}",
                allowed=frozenset({"other.example", "eu.gcr.io"}),
            ),
            logins=lambda: self.logins,
            library={"__init__.py": b""},
            clock=self.lending.clock,
            patience=retries.Retries(self.lending._sleep, lambda: 0.0),
            lender=self.lending.lender,
        )

    registry: faulty.Registry = field(init=False)
    builder: builder.Builder = field(init=False)

    async def make(self, host: str = OURS) -> str:
        """Make an image on a base of a host; return its name."""
        order = plan.BuildOrder(base=f"{host}/bases/python:1", entrypoint=("python3", "a.py"))
        return (await self.builder.make("team-a", order, {"a.py": b""})).ref

    def shown(self) -> set[tuple[str, str]]:
        """Return hosts, and what each was told of who we are."""
        return {
            (each.url.host, each.headers["Authorization"])
            for each in self.registry.seen
            if "Authorization" in each.headers
        }


def artifact_registry(challenge: str = CHALLENGE, accepted: str = "registry-token") -> faulty.Fault:
    """Return a fault that wants tokens as Artifact Registry does, of every host that is asked."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/v2/token":
            known = request.headers.get("Authorization") == BASIC
            return httpx.Response(200, json={"token": accepted}) if known else httpx.Response(401)
        if request.headers.get("Authorization") == f"Bearer {accepted}":
            return None
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    return fault


@pytest.fixture
async def making() -> AsyncIterator[Callable[..., Making]]:
    """Return what makes builders, and ends what they have begun."""
    made: list[Making] = []

    def make(*arguments: Any, **fields: Any) -> Making:
        made.append(Making(*arguments, **fields))
        return made[-1]

    yield make
    for each in made:
        await each.builder.close()


async def test_an_image_goes_to_the_namespaces_own_repository_by_googles_token(
    making: Callable[..., Making],
) -> None:
    rig = making(artifact_registry())

    ref = await rig.make()

    assert ref.startswith(f"{OURS}/project/trainshed-team-a/ns/team-a@sha256:")
    assert rig.shown() == {(OURS, BASIC), (OURS, "Bearer registry-token")}
    assert len(rig.lending.server.asked) == 1


async def test_a_registry_that_wants_it_as_a_password_gets_it(
    making: Callable[..., Making],
) -> None:
    rig = making(guards.guarded('Basic realm="r"', accepted=lambda: BASIC))

    await rig.make()

    assert rig.shown() == {(OURS, BASIC)}


async def test_a_password_that_has_ended_is_asked_for_anew(making: Callable[..., Making]) -> None:
    current = [BASIC]
    rig = making(guards.guarded('Basic realm="r"', accepted=lambda: current[0]))
    await rig.make()
    rig.lending.gives("another-token")
    rig.lending.clock.now += 3600
    current[0] = credentials.Login(google.USER, "another-token").basic()

    await rig.make()

    assert (OURS, current[0]) in rig.shown()


async def test_another_registry_is_never_shown_it_whatever_it_asks_for(
    making: Callable[..., Making],
) -> None:
    for challenge in ('Basic realm="r"', f'Bearer realm="https://{OURS}/v2/token"', CHALLENGE):
        rig = making(artifact_registry(challenge))
        with pytest.raises(errors.RegistryError):
            await rig.make("other.example")

        assert {host for host, _ in rig.shown()} <= {OURS}
        assert not [told for _, told in rig.shown() if TOKEN in told or told == BASIC]
        assert rig.lending.server.asked == [], "nor is it asked for"


@pytest.mark.parametrize(
    "realm",
    [
        "https://other.example/v2/token",
        "https://eu.gcr.io/v2/token",
        f"http://{OURS}/v2/token",
        f"https://{OURS}:444/v2/token",
    ],
)
async def test_no_realm_but_the_registry_itself_is_shown_it(
    making: Callable[..., Making], realm: str
) -> None:
    rig = making(artifact_registry(f'Bearer realm="{realm}",service="{OURS}"'))

    with pytest.raises(errors.NotAllowed):
        await rig.make()

    assert rig.shown() == set()


async def test_a_secrets_login_goes_before_it(making: Callable[..., Making]) -> None:
    mine = credentials.Login("_json_key", "key-of-another-project")
    accepted = guards.guarded('Basic realm="r"', accepted=mine.basic)
    rig = making(accepted, logins={OURS: mine})

    await rig.make()

    assert rig.shown() == {(OURS, mine.basic())}
    assert rig.lending.server.asked == []


async def test_why_there_is_no_token_is_why_there_is_no_image(
    making: Callable[..., Making],
) -> None:
    rig = making(artifact_registry())
    rig.lending.fails(403)

    with pytest.raises(errors.MetadataServerRefused):
        await rig.make()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_names_the_identity_and_no_secret(
    making: Callable[..., Making], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def fault(request: httpx.Request) -> httpx.Response:
        if "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
        return httpx.Response(status, json={"errors": [{"message": str(request.headers)}]})

    rig = making(fault)
    with pytest.raises(errors.RegistryError) as caught:
        await rig.make()

    assert google.ACCOUNT in str(caught.value)
    held = rig.lending.lender._held
    shown = f"{caught.value!r} {held!r} {rig.lending.lender!r} {caplog.text}"
    assert TOKEN not in shown
    assert BASIC.removeprefix("Basic ") not in shown
