"""Who is heard when a build pod tells of its image, and what the others are told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pathlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import granting_rig
from tests.unit.progress import issuer as issuers
from tests.unit.progress import rig as rigs
from trainshed import config
from trainshed.api import labels
from trainshed.buildpod import telling
from trainshed.core import observed
from trainshed.progress import builders, keys, limits, server, tokens
from trainshed.registry import issuing

WORDS = '{"image":{}}'


@dataclass(slots=True)
class Rig:
    """The endpoint with a build pod that it knows, and what it has heard."""

    base: rigs.Rig
    heard: list[tuple[str, str]] = field(default_factory=list)
    leading: bool = True
    pods: dict[str, observed.PodView] = field(
        default_factory=lambda: {"build-uid": granting_rig.build_pod()}
    )

    def token(self, pod: str = "build-1", **claims: Any) -> str:
        """Return a build pod's projected token."""
        bound = issuers.bound(namespace="team-a", pod=pod, uid=claims.pop("uid", "build-uid"))
        wanted = {"aud": [labels.BUILDS_AUDIENCE], "kubernetes.io": bound, **claims}
        return self.base.issuer.token(**wanted)

    def hear(self, pod: observed.PodView, words: str) -> bool:
        """Take the one text that is of an image."""
        self.heard.append((pod.name, words))
        return words == WORDS

    @property
    def given(self) -> dict[str, str]:
        """Return what a pod's settings say of the operator."""
        url = f"https://localhost:{self.base.port}{builders.PATH}"
        return {"url": url, "ca": self.base.authority.certificate.decode("ascii")}

    @contextlib.asynccontextmanager
    async def serving(self, **bounds: Any) -> AsyncIterator[Rig]:
        """Serve on a free port of loopback."""
        issuer = self.base.issuer
        found = keys.Keys(
            configuration=issuer.configuration, keys=issuer.keys, clock=time.monotonic
        )
        pods = builders.Pods(
            verifier=tokens.Verifier(keys=found, audience=labels.BUILDS_AUDIENCE),
            find=self.pods.get,
            leading=lambda: self.leading,
        )
        wanted = limits.Limits(**bounds)
        async with server.serve(
            self.base.seams(wanted),
            authority=self.base.authority,
            names=rigs.NAMES,
            host="127.0.0.1",
            port=0,
            clock=time.time,
            also=builders.routes(pods, self.hear, bounds=wanted),
        ) as port:
            self.base.port = port
            yield self


@pytest.fixture
async def found(idle_rig: rigs.Rig) -> AsyncIterator[Rig]:
    async with Rig(idle_rig).serving() as serving:
        yield serving


@pytest.fixture
def token(found: Rig, tmp_path: pathlib.Path) -> Callable[[], str]:
    """Return what reads the file of a build pod's token."""
    path = tmp_path / "token"
    path.write_text(f"{found.token()}\n", encoding="ascii")
    return issuing.reading(path)


async def test_a_build_pod_is_heard(
    found: Rig, token: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="trainshed.buildpod")

    await telling.tell(found.given, WORDS, token=token)

    assert found.heard == [("build-1", WORDS)]
    assert [each.getMessage() for each in caplog.records] == ["the operator is told"]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": ["trainshed.dev/progress"]}, 401),
        ({"aud": ["trainshed.dev/registry"]}, 401),
        ({"exp": int(time.time()) - 3600}, 401),
        ({"uid": "unknown-uid"}, 503),
        ({"pod": "another-pod"}, 403),
    ],
    ids=["a trainer's", "the registry's", "expired", "of no pod that is known", "another's name"],
)
async def test_no_other_token_is_heard(found: Rig, claims: dict[str, Any], status: int) -> None:
    answer = await found.base.post(path=builders.PATH, content=b"x", token=found.token(**claims))

    assert answer.status_code == status
    assert found.heard == []


async def test_only_the_leader_hears(found: Rig) -> None:
    found.leading = False

    answer = await found.base.post(path=builders.PATH, content=b"x", token=found.token())

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert found.heard == []


async def test_what_is_of_no_image_is_refused(found: Rig) -> None:
    answer = await found.base.post(path=builders.PATH, content=b"\xff", token=found.token())

    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_payload")


async def test_too_much_is_not_read(found: Rig) -> None:
    large = b"x" * 20_000
    answer = await found.base.post(path=builders.PATH, content=large, token=found.token())

    assert answer.status_code == 413
    assert found.heard == []


async def test_a_pod_that_is_not_heard_goes_on(
    found: Rig, token: Callable[[], str], caplog: pytest.LogCaptureFixture, tmp_path: pathlib.Path
) -> None:
    caplog.set_level(logging.INFO, logger="trainshed.buildpod")
    closed = found.given | {"url": "https://localhost:1/v1/builds"}
    stranger = found.given | {"ca": ""}

    await telling.tell(found.given, "{}", token=token)
    await telling.tell(closed, WORDS, token=token)
    await telling.tell(stranger, WORDS, token=token)
    await telling.tell(found.given, WORDS, token=issuing.reading(tmp_path / "none"))

    said = [each.getMessage() for each in caplog.records]
    assert len(said) == 4
    assert "it answers 400" in said[0]
    assert "ConnectError" in said[1]
    assert all("once this pod has ended" in each for each in said)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer nothing until the other side gives up."""
    await reader.read()
    writer.close()


async def test_a_pod_waits_seconds_for_an_operator_that_says_nothing(
    found: Rig, token: Callable[[], str]
) -> None:
    silent = await asyncio.start_server(_silent, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        given = found.given | {"url": f"https://localhost:{port}/v1/builds"}
        await telling.tell(given, WORDS, token=token, seconds=0.05)

    assert found.heard == []


def test_pods_are_told_the_operators_own_address() -> None:
    assert builders.address(config.Progress(), namespace="system", ca_pem="PEM") == {
        "url": "https://trainshed-progress.system.svc:8443/v1/builds",
        "ca": "PEM",
    }
