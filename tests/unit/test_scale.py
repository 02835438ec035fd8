"""What a bench that breaks off keeps, and what it says."""

import httpx
import pytest

from hack import apiserver
from tests.scale import burst, live, stages


async def test_a_stage_that_breaks_off_loses_no_figure_and_stops_no_other() -> None:
    kept: dict[str, float] = {}

    async def late(keep: stages.Keep) -> None:
        keep({"rss_0_mib": 80.0})
        raise TimeoutError("waited 2800 s for 5000 running jobs")

    async def next_one(keep: stages.Keep) -> None:
        keep({"writes_per_job": 12.0})

    broken = await stages.run({"live": late, "burst": next_one}, keep=kept.update)

    assert kept == {"rss_0_mib": 80.0, "writes_per_job": 12.0}
    assert broken == ["live broke off: waited 2800 s for 5000 running jobs"]


async def test_a_mistake_in_the_bench_is_no_missed_figure() -> None:
    async def wrong(keep: stages.Keep) -> None:
        raise KeyError("registry")

    with pytest.raises(KeyError):
        await stages.run({"build": wrong}, keep=lambda found: None)


async def test_a_namespace_that_does_not_go_is_told_and_costs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = {"items": [{}], "metadata": {"resourceVersion": "1"}}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=body))
    with httpx.Client(base_url="http://api.example", transport=transport) as http:
        async with burst.namespace(apiserver.ApiServer(http), gone_seconds=0) as name:
            pass

    assert f"note: the namespace {name} is left" in capsys.readouterr().out


async def test_a_namespace_that_does_not_go_hides_no_failure_in_it() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500, json={}))
    created = httpx.MockTransport(
        lambda request: (
            httpx.Response(201, json={})
            if request.method == "POST"
            else transport.handle_request(request)
        )
    )
    http = httpx.Client(base_url="http://api.example", transport=created)
    with http, pytest.raises(TimeoutError, match="300 Jobs"):
        async with burst.namespace(apiserver.ApiServer(http), gone_seconds=0):
            raise TimeoutError("waited 120 s for 300 Jobs")


def test_more_jobs_have_more_time() -> None:
    assert live.deadline(5000) > live.deadline(1000) > 300
