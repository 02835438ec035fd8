"""The series of the jobs in the cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import prometheus_client
import pytest

from tests.unit.metrics import fleet, text
from trainshed.api import status
from trainshed.core import observed
from trainshed.metrics import collectors, names


def made(
    jobs: fleet.Fleet,
    *,
    now: float = fleet.T0 + 40,
    large: int = 2000,
    timer: Callable[[], float] = time.perf_counter,
) -> collectors.JobCollector:
    return collectors.JobCollector(
        jobs, retention=3600, clock=lambda: now, large_fleet=large, timer=timer
    )


async def page(*jobs: observed.Observation, now: float = fleet.T0 + 40) -> str:
    return text.joined(await made(fleet.Fleet(*jobs), now=now).render())


async def test_running_job_has_a_series_for_every_metric() -> None:
    found = await page(
        fleet.job(written=fleet.running(), progress=fleet.pushed(), pods=(fleet.pod(),)),
        fleet.job("old", written=fleet.succeeded()),
    )

    assert {name for name, _ in text.series(found)} == {each.name for each in names.JOB}


async def test_every_series_has_the_labels_that_the_registry_says() -> None:
    found = await page(
        fleet.job(written=fleet.running(), progress=fleet.pushed(), pods=(fleet.pod(),))
    )

    for name, pairs in text.series(found):
        assert {label for label, _ in pairs} == set(names.SERIES[name].labels), name


async def test_last_push_is_newer_than_the_status() -> None:
    found = await page(fleet.job(written=fleet.running(), progress=fleet.pushed()))

    assert text.of(found, "trainingjob_step") == {(): 2500}
    assert text.of(found, "trainingjob_progress_ratio") == {(): 0.5}
    assert text.of(found, "trainingjob_throughput_samples_per_second") == {(): 4200.5}
    assert text.of(found, "trainingjob_eval_metric", "name") == {("accuracy",): 0.95}
    assert text.of(found, "trainingjob_step_duration_seconds", "quantile") == {
        ("0.5",): 0.014,
        ("0.95",): 0.02,
    }


async def test_status_tells_what_a_fresh_process_was_not_told() -> None:
    found = await page(fleet.job(written=fleet.running()))

    assert text.of(found, "trainingjob_step") == {(): 1200}
    assert text.of(found, "trainingjob_samples") == {}


async def test_finished_job_shows_its_final_account() -> None:
    found = await page(fleet.job(written=fleet.succeeded(), progress=fleet.pushed()))

    assert text.of(found, "trainingjob_throughput_samples_per_second") == {(): 4000}
    assert text.of(found, "trainingjob_samples") == {(): 320000}
    assert text.of(found, "trainingjob_progress_ratio") == {(): 1}


async def test_one_phase_is_one_and_the_others_are_zero() -> None:
    found = await page(fleet.job(written=fleet.running()))

    phases = text.of(found, "trainingjob_status_phase", "phase")
    assert {phase for (phase,), value in phases.items() if value} == {"Running"}
    assert len(phases) == 8


async def test_job_without_a_status_is_pending_and_says_no_more() -> None:
    found = await page(fleet.job())

    assert text.of(found, "trainingjob_status_phase", "phase")[("Pending",)] == 1
    assert text.of(found, "trainingjob_progress_ratio") == {}
    assert text.of(found, "trainingjob_started_timestamp_seconds") == {}


async def test_status_of_a_newer_version_does_not_end_the_page() -> None:
    strange = fleet.job("strange")
    view = fleet.job("good", written=fleet.running())
    object.__setattr__(strange.job, "status", b'{"phase":"Resizing"}')

    found = await page(strange, view)

    assert len(text.of(found, "trainingjob_info", "trainingjob")) == 2


async def test_job_of_own_code_has_no_model() -> None:
    spec = {"framework": "pytorch", "source": {"inline": {"files": {"a.py": "x" * 1000}}}}

    found = await page(fleet.job(spec=spec, written=fleet.running()))

    info = text.of(found, "trainingjob_info", "framework", "model", "accelerator")
    assert info == {("pytorch", "", "cpu"): 1}


async def test_ended_pod_is_no_longer_joined_to_its_node() -> None:
    found = await page(fleet.job(written=fleet.running(), pods=(fleet.pod("Succeeded"),)))

    assert text.of(found, "trainingjob_pod_info", "node") == {}


async def test_finished_job_drops_out_after_the_retention() -> None:
    job = fleet.job(written=fleet.succeeded(ended=60))

    assert "trainingjob_info" in await page(job, now=fleet.T0 + 60 + 3600)
    assert await page(job, now=fleet.T0 + 60 + 3601) == ""


async def test_job_that_goes_while_the_page_is_made_is_left_out() -> None:
    jobs = fleet.many(3)
    listed = list(jobs.jobs())
    del jobs.seen[listed[1].key]
    jobs.jobs = lambda: listed  # type: ignore[method-assign]

    found = text.joined(await made(jobs).render())

    assert len(text.of(found, "trainingjob_info", "trainingjob")) == 2


async def test_hostile_metric_name_does_not_break_its_line() -> None:
    hostile = 'a"} 1\nevil{x="\\'
    written = fleet.running().model_copy(
        update={"progress": fleet.progress(metrics={hostile: 0.5})}
    )

    found = await page(fleet.job(written=written))

    assert text.of(found, "trainingjob_eval_metric", "name") == {(hostile,): 0.5}


async def test_page_says_the_same_as_the_client_library() -> None:
    jobs = fleet.Fleet(
        fleet.job(written=fleet.running(), progress=fleet.pushed(), pods=(fleet.pod(),)),
        fleet.job("done", written=fleet.succeeded()),
        fleet.job("new", namespace="team-b"),
    )
    registry = prometheus_client.CollectorRegistry()
    registry.register(made(jobs))

    theirs = prometheus_client.generate_latest(registry).decode()
    ours = text.joined(await made(jobs).render())

    assert text.series(ours) == text.series(theirs)


@pytest.mark.skipif(text.PROMTOOL is None, reason="promtool is not installed")
async def test_promtool_finds_nothing_to_say() -> None:
    found = await page(
        fleet.job(written=fleet.running(), progress=fleet.pushed(), pods=(fleet.pod(),)),
        fleet.job("done", written=fleet.succeeded()),
    )

    assert text.lint(found) == ""


async def test_other_tasks_run_while_a_large_page_is_made() -> None:
    ticks = iter(range(10_000_000))
    # A timer on which each look is a millisecond later: a slice ends after five jobs.
    collector = made(fleet.many(500), timer=lambda: next(ticks) / 1000)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    busy = asyncio.create_task(other())
    await collector.render()
    busy.cancel()

    assert turns >= 80


async def test_page_of_a_large_fleet_is_kept_for_a_while() -> None:
    jobs, at = fleet.many(5), [100.0]
    collector = made(jobs, large=4, timer=lambda: at[0])
    first = await collector.render()
    jobs.seen.clear()

    at[0] += collectors.KEEP_SECONDS - 0.1
    assert await collector.render() is first
    at[0] += 0.1
    assert await collector.render() == []


async def test_page_of_a_small_fleet_is_always_fresh() -> None:
    jobs = fleet.many(5)
    collector = made(jobs, large=5)
    await collector.render()
    jobs.seen.clear()

    assert await collector.render() == []


async def test_simultaneous_scrapes_of_a_large_fleet_share_one_page() -> None:
    collector = made(fleet.many(5), large=4)

    first, second = await asyncio.gather(collector.render(), collector.render())

    assert first is second


def test_stages_of_the_start_are_those_of_the_timeline() -> None:
    fields = [each for each in status.Timeline.model_fields if each in names.STAGES]

    assert tuple(fields) == names.STAGES
    assert set(status.Timeline.model_fields) - {*fields} == {"since", "to_first_step"}
