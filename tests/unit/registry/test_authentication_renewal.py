"""A password or a token that ends is replaced at once, and told to nobody."""

import httpx
import pytest

from tests.unit.registry import faulty, guards
from trainshed.registry import credentials, errors


async def test_a_token_that_has_expired_is_fetched_anew_once() -> None:
    issued: list[str] = []

    def service(_: httpx.Request) -> httpx.Response:
        issued.append(f"{guards.TOKEN}-{len(issued)}")
        return httpx.Response(200, json={"access_token": issued[-1]})

    valid = [f"Bearer {guards.TOKEN}-0"]
    registry = faulty.Registry(
        guards.guarded(guards.bearer(), accepted=lambda: valid[0], service=service)
    )
    rig = faulty.Rig(registry, login=guards.LOGIN)
    await rig.client.has_blob("a", "sha256:x")
    await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 1

    valid[0] = f"Bearer {guards.TOKEN}-1"
    await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 2

    valid[0] = "Bearer none"
    with pytest.raises(errors.Unauthorized):
        await rig.client.has_blob("a", "sha256:x")
    assert len(issued) == 3


NEW = credentials.Login("ann", "renewed-word-of-ann")


async def test_a_renewed_password_is_sent_at_once() -> None:
    registry = faulty.Registry(guards.guarded("Basic realm=x", accepted=NEW.basic))
    rig = faulty.Rig(registry, login=guards.LOGIN)
    with pytest.raises(errors.Unauthorized):
        await rig.make()
    registry.seen.clear()

    rig.login = NEW
    await rig.make()

    assert {each.headers["Authorization"] for each in registry.seen} == {NEW.basic()}


async def test_a_password_that_is_renewed_while_a_call_is_refused_is_sent_the_second_time() -> None:
    registry = faulty.Registry()
    rig = faulty.Rig(registry, login=guards.LOGIN)

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
    registry = faulty.Registry(
        guards.guarded(guards.bearer(), accepted=lambda: current[0], service=service)
    )
    rig = faulty.Rig(registry, login=guards.LOGIN)
    await rig.client.has_blob("a", "sha256:x")
    registry.seen.clear()

    rig.login, current[0] = NEW, "Bearer new"
    await rig.client.has_blob("a", "sha256:x")

    assert "Bearer old" not in [each.headers.get("Authorization") for each in registry.seen]


async def test_no_secret_of_the_login_before_is_in_a_message() -> None:
    registry = faulty.Registry()
    rig = faulty.Rig(registry, login=guards.LOGIN)

    def fault(request: httpx.Request) -> httpx.Response:
        if "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": "Basic realm=x"})
        rig.login = NEW
        return guards.echo(request)

    registry.fault = fault
    with pytest.raises(errors.Rejected) as caught:
        await rig.make()

    assert not [each for each in guards.SECRETS if each in str(caught.value)]
