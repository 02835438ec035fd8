"""What Prometheus and the dashboard have of a job that trains on the real node."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

import pytest

from hack.demo import throughput
from tests.e2e import conftest, dashboards

DASHBOARD = (
    pathlib.Path(__file__).resolve().parents[2] / "charts/trainshed/dashboards/trainingjob.json"
)


@pytest.fixture(scope="module")
def trained(api: conftest.apiserver.ApiServer) -> Iterator[conftest.Body]:
    """Return a job that trained long enough to be scraped several times."""
    namespace = conftest.create_namespace(api)
    applied = time.time()
    spec = conftest.cnn(epochs=80)
    spec["data"]["preprocess"] = {"resize": [16, 16]}
    namespace.apply("scraped", spec)
    status = namespace.finished("scraped", seconds=300)
    assert status["phase"] == "Succeeded", status
    yield {"namespace": namespace.name, "status": status, "applied": applied}
    api.delete(f"/api/v1/namespaces/{namespace.name}")


def test_prometheus_and_the_status_agree(trained: conftest.Body, info: conftest.Body) -> None:
    scraped = throughput.from_prometheus(
        info["prometheus"], namespace=trained["namespace"], job="scraped", since=trained["applied"]
    )

    told = trained["status"]["result"]["samplesPerSecond"]
    assert scraped.samples_per_second == pytest.approx(told, rel=0.05)


def test_every_query_of_the_dashboard_has_data(trained: conftest.Body, info: conftest.Body) -> None:
    variables = {"namespace": trained["namespace"], "trainingjob": "scraped"}

    problems = dashboards.check(DASHBOARD, info["prometheus"], variables)

    # It was in no queue and has no GPU; the queries of these are run by tests/cluster.
    absent = ('stage="queued"', "trainingjob:gpu_", "training_accelerator_")
    found = [each for each in problems if not any(name in each.expression for name in absent)]
    assert found == []


def test_panels_of_gpus_are_empty_without_one(trained: conftest.Body, info: conftest.Body) -> None:
    variables = {"namespace": trained["namespace"], "trainingjob": "scraped"}

    problems = dashboards.check(DASHBOARD, info["prometheus"], variables)

    told = {each.message for each in problems if each.where.startswith("panel GPU ")}
    assert told == {"no data"}
