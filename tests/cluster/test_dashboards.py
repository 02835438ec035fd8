"""The dashboard against a real Prometheus that scrapes the operator's collector and a trainer.

It has the recording rules, and scrapes an exporter of a GPU's figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import prometheus_client
import pytest
import pytest_asyncio

from hack.dashboards import __main__ as command
from hack.dashboards import queries, recording
from tests.cluster import fake_dcgm, live
from tests.e2e import dashboards
from tests.unit.metrics import fleet
from trainshed.api import phases, status
from trainshed.metrics import collectors, controller, server
from trainshed_trainer import gpus, standing
from trainshed_trainer import metrics as trainer_metrics

pytestmark = pytest.mark.skipif(live.PROMETHEUS is None, reason="Prometheus is not installed")

JOB = {"namespace": "team-a", "trainingjob": "digits"}
STEP_SECONDS = dashboards.WINDOW_SECONDS / dashboards.POINTS
"""Between the moments at which a panel looks."""
TARGET = {"namespace": "team-a", "pod": "digits-1-0-abcde", "node": "node-1"}


def step(at: standing.Standing, number: int) -> None:
    """Count a step of 64 samples as the training library does."""
    at.counts.add(step=0.015, wait=0.001, samples=64)
    at.loss = 1 / (1 + number)
    at.evaluated["accuracy"] = 1 - 1 / (1 + number)


@contextlib.asynccontextmanager
async def training() -> AsyncIterator[int]:
    """Serve a trainer that trains; yields its port."""
    at = standing.Standing()
    gpu = gpus.Reading("0", 2**34, 2**36, power=400.0, utilization=1.0, energy=900.0)
    series = trainer_metrics.create(at, trainingjob="digits", rank=0, devices=lambda: [gpu])
    assert series is not None
    served, thread = prometheus_client.start_http_server(0, "127.0.0.1", series.registry)

    async def train() -> None:
        number = 0
        while True:
            number += 1
            step(at, number)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(train())
    try:
        yield int(served.server_port)
    finally:
        task.cancel()
        served.shutdown()
        served.server_close()
        thread.join()


@contextlib.asynccontextmanager
async def operating(jobs: fleet.Fleet) -> AsyncIterator[int]:
    """Serve the operator's metrics; yields the port."""
    own = prometheus_client.CollectorRegistry()
    controller.Controller(own, push_results=["accepted"], build_failures=["RegistryUnavailable"])
    app = server.application(
        own=own,
        jobs=collectors.JobCollector(jobs, retention=3600, clock=lambda: fleet.T0),
        healthy=lambda: None,
        ready=lambda: None,
    )
    async with server.serve(app, host="127.0.0.1", port=0) as port:
        yield port


def _queued(written: status.TrainingJobStatus) -> status.TrainingJobStatus:
    """Return the status of a job that was in a queue as well."""
    assert written.timeline is not None
    timeline = written.timeline.model_copy(update={"queued": 0.1})
    return written.model_copy(update={"timeline": timeline})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    before = {"phase": phases.Phase.STARTING, "placement": None}
    starting = fleet.running().model_copy(update=before)
    jobs = fleet.Fleet(fleet.job(written=starting, pods=(fleet.pod("Pending"),)))
    folder = tmp_path_factory.mktemp("prometheus")
    exporter = fake_dcgm.FakeDcgm({"namespace": TARGET["namespace"], "pod": TARGET["pod"]})
    async with (
        training() as trainer,
        exporter.serving() as dcgm,
        operating(jobs) as operator,
        live.prometheus(
            folder,
            operator=operator,
            trainer=trainer,
            dcgm=dcgm,
            labels=TARGET,
            rules=command.RULES,
        ) as url,
    ):
        await live.scraped(url, 'trainingjob_status_phase{phase="Starting"}', 1)
        running = fleet.job(
            written=_queued(fleet.running()), progress=fleet.pushed(), pods=(fleet.pod(),)
        )
        jobs.seen[running.job.key] = running
        await live.scraped(url, "rate(training_samples_total[30s])", 1)
        await live.scraped(url, "trainingjob_samples", 1)
        # What is shown of a GPU without profiling comes first, since it goes once there is better.
        exporter.figures = fake_dcgm.WITHOUT_PROFILING
        recorded = f"count_over_time({recording.JOB_UTILIZATION.name}[10s])"
        await live.scraped(url, recorded, STEP_SECONDS / live.SCRAPE_SECONDS + 2)
        exporter.figures = fake_dcgm.WITH_PROFILING
        await live.scraped(url, recording.JOB_TENSOR_ACTIVE.name, 0.4)
        yield url


@pytest.mark.asyncio(loop_scope="module")
async def test_every_query_and_variable_has_data(prometheus: str) -> None:
    problems = await asyncio.to_thread(dashboards.check, command.DASHBOARD, prometheus, JOB)

    assert problems == []


@pytest.mark.asyncio(loop_scope="module")
async def test_job_that_is_not_there_is_missed_everywhere(prometheus: str) -> None:
    other = {**JOB, "trainingjob": "elsewhere"}

    problems = await asyncio.to_thread(dashboards.check, command.DASHBOARD, prometheus, other)

    asked = sum("$trainingjob" in each.expression for each in prometheus_queries())
    assert sum(each.message == "no data" for each in problems) == asked
    assert "elsewhere is not among ['digits']" in str(problems[0])


@pytest.mark.asyncio(loop_scope="module")
async def test_dashboard_is_drawn_from_its_data(prometheus: str, tmp_path: pathlib.Path) -> None:
    out = tmp_path / "dashboard.svg"
    asked = ["--prometheus", prometheus, "--namespace", "team-a", "--job", "digits"]

    code = await asyncio.to_thread(command.main, ["picture", *asked, "--out", str(out)])

    assert code == 0
    root = ElementTree.fromstring(out.read_text(encoding="utf-8"))
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Phase", "Throughput", "Running"} <= texts
    assert "no data" not in texts
    # Neither shows the job as it was before it was placed.
    assert [text for text in texts if text and "pytorch" in text] == ["pytorch cnn on cpu"]
    assert [text for text in texts if text and "node-1" in text] == ["node-1 (cpu)"]


def test_prometheus_that_is_not_there_is_a_problem_of_each_query() -> None:
    problems = dashboards.check(command.DASHBOARD, "http://127.0.0.1:9", JOB)

    assert all("ConnectError" in each.message for each in problems)
    assert len(problems) == len(prometheus_queries()) + 2


@pytest.mark.asyncio(loop_scope="module")
async def test_expression_that_prometheus_refuses_is_told(
    prometheus: str, tmp_path: pathlib.Path
) -> None:
    broken = tmp_path / "broken.json"
    text = command.DASHBOARD.read_text(encoding="utf-8")
    broken.write_text(text.replace("histogram_quantile(0.5", "histogram_quantil(0.5"))

    problems = await asyncio.to_thread(dashboards.check, broken, prometheus, JOB)

    assert [each.where for each in problems] == ["panel Step time (A)"]
    assert "unknown function" in problems[0].message


def prometheus_queries() -> list[queries.Query]:
    """Return the dashboard's queries."""
    board = queries.load(command.DASHBOARD)
    return [query for panel in board.panels for query in panel.queries]
