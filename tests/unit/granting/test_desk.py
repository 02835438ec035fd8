"""What the token service gives to whom, and what it says to those who get nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from tests import granting_rig as rigs
from tests.unit.progress import rig as progress
from trainshed.granting import rights, signing
from trainshed.registry import errors

OWN = "repository:trainshed/ns/team-a:pull,push"
OTHERS = "repository:trainshed/ns/team-b:pull,push"
BASE = "repository:trainshed/pytorch:pull,push"


@pytest.fixture
async def rig() -> AsyncIterator[rigs.Rig]:
    """Return a token service that is served."""
    async with rigs.Rig().serving() as found:
        yield found


def access(answer: httpx.Response) -> dict[str, list[str]]:
    """Return what the token of an answer gives."""
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    return {each["name"]: each["actions"] for each in claims["access"]}


async def test_a_build_pod_may_push_to_its_namespace_alone(rig: rigs.Rig) -> None:
    found = access(await rig.ask(rig.token(), OWN, OTHERS, BASE))

    assert found == {"trainshed/ns/team-a": ["pull", "push"], "trainshed/pytorch": ["pull"]}


async def test_no_one_gets_the_catalog_or_a_deletion(rig: rigs.Rig) -> None:
    asked = ("registry:catalog:*", "repository:trainshed/ns/team-a:delete", "repository:*:*")

    assert access(await rig.ask(rig.token(), *asked)) == {}


async def test_a_node_gets_its_pulls_by_its_namespaces_password(rig: rigs.Rig) -> None:
    account = rights.Account(rights.Role.PULLER, "team-a")

    found = access(await rig.login(account, OWN, OTHERS, BASE))

    assert found == {"trainshed/ns/team-a": ["pull"], "trainshed/pytorch": ["pull"]}


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": ["trainshed.dev/progress"]}, 401),
        ({"aud": ["https://kubernetes.default.svc"]}, 401),
        ({"exp": int(time.time()) - 3600}, 401),
        ({"iss": "https://elsewhere.example"}, 401),
        ({"kubernetes.io": None}, 401),
        ({"uid": "unknown-uid"}, 503),
        ({"namespace": "team-b"}, 403),
        ({"pod": "another-pod"}, 403),
    ],
    ids=[
        "of the trainers' audience",
        "of the API server's audience",
        "expired",
        "of another issuer",
        "bound to no pod",
        "of a pod that is not known",
        "of another namespace",
        "of another pod's name",
    ],
)
async def test_a_token_that_is_not_a_build_pods_gets_nothing(
    rig: rigs.Rig, claims: dict[str, Any], status: int
) -> None:
    answer = await rig.ask(rig.token(**claims), OWN)

    assert answer.status_code == status
    assert "token" not in answer.json()


async def test_tokens_that_no_cluster_signed_get_nothing(rig: rigs.Rig) -> None:
    for token in (rig.issuer.unsigned_token(), rig.issuer.confused_token(), "x", "x" * 8000):
        assert (await rig.ask(token, OWN)).status_code == 401


async def test_neither_key_opens_the_others_door(rig: rigs.Rig) -> None:
    account = rights.Account(rights.Role.PULLER, "team-a")
    async with httpx.AsyncClient(trust_env=False) as http:
        query = {"service": signing.SERVICE, "scope": OWN}
        by_token = await http.get(rig.nodes_url, params=query, auth=("team-a", rig.token()))
        bearer = {"Authorization": f"Bearer {rig.token()}"}
        by_bearer = await http.get(rig.nodes_url, params=query, headers=bearer)
        nobody = await http.get(rig.nodes_url, params=query)
    by_password = await rig.ask(rig.signer.password(account), OWN)

    assert {each.status_code for each in (by_token, by_bearer, nobody, by_password)} == {401}


async def test_a_replica_that_does_not_lead_sends_pods_away(rig: rigs.Rig) -> None:
    rig.leading = False

    answer = await rig.ask(rig.token(), OWN)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


async def test_a_token_for_another_service_is_not_made(rig: rigs.Rig) -> None:
    assert (await rig.ask(rig.token(), OWN, service="elsewhere")).status_code == 400


async def test_nothing_but_a_question_is_served(rig: rigs.Rig) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        posted = await http.post(rig.nodes_url, content=b"x" * 100_000)
        elsewhere = await http.get(rig.nodes_url.replace("token", "secrets"))

    # containerd posts first, and asks by GET where it is told that this is not served.
    assert (posted.status_code, elsewhere.status_code) == (405, 404)


async def test_a_pod_that_the_watch_has_not_told_of_yet_is_waited_for(rig: rigs.Rig) -> None:
    known = rig.pods.pop("build-uid")
    asked = []

    def token() -> str:
        asked.append(1)
        if len(asked) == 3:
            rig.pods["build-uid"] = known
        return rig.token()

    async with rig.exchanger(token) as exchanger:
        assert await exchanger.issue([OWN])
    assert rig.slept == [2.0, 2.0]


async def test_a_training_pods_token_is_of_no_use(rig: rigs.Rig) -> None:
    rig.pods.clear()
    training = rig.issuer.token()
    async with rig.exchanger(lambda: training) as exchanger:
        with pytest.raises(errors.Unauthorized, match="clocks of this node"):
            await exchanger.issue([OWN])
    assert progress.pod().build == ""


async def test_a_service_that_stays_silent_is_told_within_its_tries(rig: rigs.Rig) -> None:
    rig.pods_url = "https://localhost:1/v1/registry/token"
    async with rig.exchanger() as exchanger:
        with pytest.raises(errors.Unavailable, match="localhost:1"):
            await exchanger.issue([OWN])
    assert len(rig.slept) == 7


async def test_a_pod_without_a_token_is_told_so(rig: rigs.Rig) -> None:
    def missing() -> str:
        raise FileNotFoundError("token")

    async with rig.exchanger(missing) as exchanger:
        with pytest.raises(errors.Unauthorized, match="registry-token"):
            await exchanger.issue([OWN])


async def test_no_refusal_repeats_a_token(rig: rigs.Rig) -> None:
    token = rig.token(aud=["elsewhere"])
    answer = await rig.ask(token, OWN)

    assert token not in answer.text
