"""The Secrets by which nodes pull: written before the first pod, kept, and never read."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.kube import store as stores
from trainshed.granting import logins, rights, signing
from trainshed.kube import errors, kinds, secrets
from trainshed.progress import certificates

SIGNER = signing.Signer(certificates.create_authority(now=time.time()), clock=time.time)
HOST = "localhost:30500"


@dataclass
class Bench:
    """A keeper on an API server, and its clock."""

    api: stores.Store = field(default_factory=stores.Store)
    now: float = 1000.0

    def __post_init__(self) -> None:
        """Make the keeper."""
        self.keeper = logins.Keeper(
            secrets.Secrets(self.api),
            SIGNER,
            host=HOST,
            own_namespace="trainshed-system",
            clock=lambda: self.now,
        )

    def secret(self, namespace: str, name: str = "trainshed-registry") -> dict[str, Any]:
        """Return a Secret that is there."""
        return self.api.objects[kinds.SECRETS, namespace, name]

    def account(self, namespace: str, name: str = "trainshed-registry") -> rights.Account | None:
        """Return whose login a Secret has."""
        encoded = self.secret(namespace, name)["data"][".dockerconfigjson"]
        login = json.loads(base64.b64decode(encoded))["auths"][HOST]
        pair = base64.b64decode(login["auth"]).decode()
        assert pair == f"{login['username']}:{login['password']}"
        return SIGNER.account(login["password"])


async def test_a_namespace_gets_the_right_to_pull_and_no_other() -> None:
    bench = Bench()
    await bench.keeper.ensure("team-a")

    assert bench.account("team-a") == rights.Account(rights.Role.PULLER, "team-a")
    assert bench.secret("team-a")["type"] == "kubernetes.io/dockerconfigjson"


async def test_it_is_written_once_for_all_jobs_of_half_a_day() -> None:
    bench = Bench()
    await asyncio.gather(*(bench.keeper.ensure("team-a") for _ in range(20)))
    bench.now += logins.RENEW_SECONDS - 1
    await bench.keeper.ensure("team-a")

    assert bench.api.requests == ["create secrets"]


async def test_it_is_written_anew_without_a_look_at_it() -> None:
    bench = Bench()
    await bench.keeper.ensure("team-a")
    bench.secret("team-a")["data"] = {".dockerconfigjson": "somebody's"}
    bench.now += logins.RENEW_SECONDS
    await bench.keeper.ensure("team-a")

    assert bench.account("team-a") == rights.Account(rights.Role.PULLER, "team-a")
    assert not [each for each in bench.api.requests if each.startswith(("get", "list"))]


async def test_it_is_written_anew_in_a_namespace_that_is_there_again() -> None:
    bench = Bench()
    await bench.keeper.ensure("team-a")
    del bench.api.objects[kinds.SECRETS, "team-a", "trainshed-registry"]
    bench.keeper.forget("team-a")
    await bench.keeper.ensure("team-a")

    assert bench.account("team-a") == rights.Account(rights.Role.PULLER, "team-a")


async def test_one_that_somebody_has_deleted_is_written_anew_once_a_node_may_not_pull() -> None:
    bench = Bench()
    there = asyncio.Event()

    async def notice(verb: str, kind: object) -> None:
        if len(bench.api.requests) != 1:
            there.set()

    bench.api.after = notice
    task = asyncio.create_task(bench.keeper.run(lambda: ("team-a",)))
    await asyncio.wait_for(there.wait(), 5)
    del bench.api.objects[kinds.SECRETS, "team-a", "trainshed-registry"]
    there.clear()
    bench.now += logins.LOOK_SECONDS
    bench.keeper.doubt("team-a")
    await asyncio.wait_for(there.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert bench.account("team-a") == rights.Account(rights.Role.PULLER, "team-a")


async def test_a_tenants_own_bad_image_has_it_written_once_in_ten_minutes() -> None:
    bench = Bench()
    await bench.keeper.ensure("team-a")
    for _ in range(50):
        bench.now += 12.1
        bench.keeper.doubt("team-a")
        bench.keeper.doubt("not-ours")
        await bench.keeper.ensure("team-a")

    assert bench.api.requests == ["create secrets", "create secrets", "patch secrets"]


async def test_a_secret_that_could_not_be_written_is_tried_again() -> None:
    bench = Bench()

    async def refuse(verb: str, kind: object) -> None:
        raise errors.Forbidden("exceeded quota", status=403)

    bench.api.before = refuse
    with pytest.raises(errors.Forbidden, match="quota"):
        await bench.keeper.ensure("team-a")
    bench.api.before = stores._nothing
    await bench.keeper.ensure("team-a")

    assert bench.account("team-a") is not None


async def test_one_namespace_that_refuses_keeps_no_other_waiting() -> None:
    bench = Bench()
    made: list[str] = []
    both = asyncio.Event()

    async def refuse(verb: str, kind: object) -> None:
        if not bench.api.requests[1:]:
            raise errors.Forbidden("going", status=403)

    async def count(verb: str, kind: object) -> None:
        made.append(verb)
        if len(made) == 2:
            both.set()

    bench.api.before, bench.api.after = refuse, count
    task = asyncio.create_task(bench.keeper.run(lambda: ("team-a", "team-b")))
    await asyncio.wait_for(both.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert bench.account("team-b") == rights.Account(rights.Role.PULLER, "team-b")
    admin = bench.account("trainshed-system", logins.ADMINISTRATOR)
    assert admin == rights.Account(rights.Role.ADMINISTRATOR)
