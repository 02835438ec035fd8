"""A registry that sends us elsewhere: where we go, and what we take along."""

import httpx
import pytest

from tests.unit.registry import faults, faulty
from trainshed.registry import credentials, errors


async def test_an_upload_to_another_host_is_refused_and_gets_nothing() -> None:
    away = faults.status(202, Location="https://elsewhere.example/put?state=1")
    registry = faulty.Registry(faults.always("POST", "/blobs/uploads/", away))

    with pytest.raises(errors.NotAllowed, match=r"elsewhere\.example"):
        await faulty.Rig(registry).make()
    assert {each.url.host for each in registry.seen} == {faulty.HOST}


@pytest.mark.parametrize(
    "location",
    ["", "https://[", "https://ann@registry.example/x", "//elsewhere.example/x", "ftp://x/y"],
)
async def test_an_upload_to_nowhere_is_refused(location: str) -> None:
    found = await faults.refusal(
        faults.always("POST", "/blobs/uploads/", faults.status(202, Location=location))
    )

    assert found.reason in ("RegistryRejected", "RegistryNotAllowed")


async def test_an_upload_by_plain_http_goes_by_tls_where_the_settings_say_so() -> None:
    place = "http://registry.example/v2/trainshed/ns/team-a/blobs/uploads/begun?state=1"
    registry = faulty.Registry(
        faults.always("POST", "/blobs/uploads/", faults.status(202, Location=place))
    )

    await faulty.Rig(registry).make()

    assert {each.url.scheme for each in registry.seen} == {"https"}


async def test_a_read_that_is_sent_on_takes_no_credentials_along() -> None:
    config = faulty.BASE.document["config"]["digest"]
    away = f"https://storage.example/v2/bases/python/blobs/{config}"

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == faulty.HOST and "Authorization" not in request.headers:
            return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        if request.url.host == faulty.HOST and request.url.path.endswith(config):
            return httpx.Response(307, headers={"Location": away})
        return None

    login = credentials.Login("ann", "pw")
    rig = faulty.Rig(faulty.Registry(fault), login=login)
    await rig.make()

    there = [each for each in rig.registry.seen if each.url.host == "storage.example"]
    assert len(there) == 1
    assert "Authorization" not in there[0].headers


@pytest.mark.parametrize(
    "location",
    ["http://registry.example/x", "file:///etc/passwd", "https://a\x7fb/", "https://x:port/", ""],
)
async def test_a_read_that_is_sent_where_nobody_should_go_is_refused(location: str) -> None:
    found = await faults.refusal(
        faults.always("GET", "/bases/", faults.status(307, Location=location))
    )

    assert isinstance(found, (errors.Rejected, errors.NotAllowed, errors.Unavailable))
    assert "nobody foresaw" not in str(found)


async def test_a_read_that_is_sent_round_in_circles_ends() -> None:
    here = f"{faulty.URL}/v2/bases/python/blobs/x"

    found = await faults.refusal(faults.always("GET", "/bases/", faults.status(307, Location=here)))

    assert "round in circles" in str(found)
