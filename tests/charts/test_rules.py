"""What Prometheus records of a job's GPUs, in the real promtool over the rendered rules."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

import pytest
import yaml

from hack.dashboards import recording as written
from tests.charts import recording, rendering

pytestmark = pytest.mark.skipif(
    recording.PROMTOOL is None, reason="no promtool here: Debian's package prometheus has it"
)

DIGITS = {"namespace": "team-a", "pod": "digits-1-0-abcde"}
CLIPS = {"namespace": "team-a", "pod": "clips-1-0-fghij"}
OTHER = {"namespace": "team-a", "pod": "notebook-0"}
GPU = {"Hostname": "gpu-1", "gpu": "0", "UUID": "GPU-a", "modelName": "NVIDIA H100"}
NEXT = {**GPU, "gpu": "1", "UUID": "GPU-b"}
PART = {**GPU, "GPU_I_ID": "3", "GPU_I_PROFILE": "1g.10gb"}
FORMS = ("with honorLabels", "without")
TENSOR, ENGINE = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
UTIL, MEMORY = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED"
POWER, ENERGY = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
EVERY = (TENSOR, ENGINE, UTIL, MEMORY, POWER, ENERGY)
MIB = 1048576


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> int:
    """Return in which of its two forms DCGM is scraped."""
    return FORMS.index(request.param)


@pytest.fixture
def promtool(
    charts: Mapping[str, rendering.Rendered], tmp_path: pathlib.Path
) -> recording.Promtool:
    """Return promtool with the rules of the chart."""
    (found,) = charts["full"].of("PrometheusRule")
    return recording.Promtool(found["spec"], tmp_path)


def info(pod: Mapping[str, str], job: str = "digits", **more: str) -> dict[str, str]:
    """Return the operator's series of a pod."""
    labels = {**pod, "trainingjob": job, "node": "gpu-1", "accelerator": "gpu", **more}
    return {recording.selector("trainingjob_pod_info", labels): "1x20"}


def of(rule: written.Rule, gpu: Mapping[str, str], pod: Mapping[str, str]) -> str:
    """Return what a rule records of a GPU, without its name, which `round` drops."""
    known = {each: gpu[each] for each in ("Hostname", "gpu", "UUID", "GPU_I_ID") if each in gpu}
    job = pod["pod"].partition("-")[0]
    return recording.selector("", {**known, **pod, "trainingjob": job})


def job(name: str = "digits") -> str:
    return recording.selector("", {"namespace": "team-a", "trainingjob": name})


def test_promtool_takes_the_rules(promtool: recording.Promtool) -> None:
    assert f"SUCCESS: {len(written.RULES)} rules found" in promtool.check()


def test_the_file_for_any_prometheus_is_what_the_chart_installs(
    promtool: recording.Promtool,
) -> None:
    shipped = (rendering.CHART / "files/rules/gpus.yaml").read_text(encoding="utf-8")

    assert yaml.safe_load(shipped) == promtool.rules


def test_a_jobs_gpus_are_recorded_in_base_units(promtool: recording.Promtool, form: int) -> None:
    def scraped(metric: str) -> str:
        return recording.both(metric, GPU, DIGITS)[form]

    series = {
        **info(DIGITS),
        scraped(TENSOR): "0.25x20",
        scraped(ENGINE): "0.75x20",
        scraped(UTIL): "100x20",
        scraped(MEMORY): "1024x20",
        scraped(POWER): "312.5x20",
        scraped(ENERGY): "7000000+4500000x20",
    }
    values = {
        written.TENSOR_ACTIVE: 0.25,
        written.ACTIVE: 0.75,
        written.UTILIZATION: 1,
        written.MEMORY_USED: 1024 * MIB,
        written.POWER: 312.5,
        written.ENERGY: 7000 + 8 * 4500,
    }
    wanted = {each.name: {of(each, GPU, DIGITS): value} for each, value in values.items()}
    jobs = {
        written.JOB_TENSOR_ACTIVE: 0.25,
        written.JOB_ACTIVE: 0.75,
        written.JOB_UTILIZATION: 1,
        written.JOB_MEMORY_USED: 1024 * MIB,
        written.JOB_POWER: 312.5,
    }
    wanted |= {each.name: {job(): value} for each, value in jobs.items()}
    assert set(wanted) == set(written.SERIES)

    assert promtool.recorded(series, wanted) == ""


def test_a_job_has_the_mean_of_its_gpus_and_the_sum_of_what_they_take(
    promtool: recording.Promtool, form: int
) -> None:
    second = {**DIGITS, "pod": "digits-1-1-klmno"}
    series = {**info(DIGITS), **info(second)}
    for gpu, pod, active, watts in ((GPU, DIGITS, "0.5", "300"), (NEXT, second, "0.9", "200")):
        series[recording.both(ENGINE, gpu, pod)[form]] = f"{active}x20"
        series[recording.both(POWER, gpu, pod)[form]] = f"{watts}x20"

    wanted = {written.JOB_ACTIVE.name: {job(): 0.7}, written.JOB_POWER.name: {job(): 500}}
    assert promtool.recorded(series, wanted) == ""


def test_pods_that_are_not_of_a_job_join_nothing(promtool: recording.Promtool, form: int) -> None:
    idle = recording.selector(
        POWER, {**NEXT, "namespace": "gpu-operator", "pod": "dcgm-exporter-x"}
    )
    series = {**info(DIGITS), idle: "60x20"}
    series |= {recording.both(each, GPU, OTHER)[form]: "1x20" for each in EVERY}

    assert promtool.recorded(series, {name: {} for name in written.SERIES}) == ""


def test_a_job_of_one_namespace_gets_nothing_of_anothers(
    promtool: recording.Promtool, form: int
) -> None:
    elsewhere = {**DIGITS, "namespace": "team-b"}
    series = {**info(DIGITS), recording.both(ENGINE, GPU, elsewhere)[form]: "1x20"}

    assert promtool.recorded(series, {written.ACTIVE.name: {}}) == ""


def test_an_instance_of_mig_has_use_and_memory_but_no_share_of_power(
    promtool: recording.Promtool, form: int
) -> None:
    other = {**PART, "GPU_I_ID": "4"}
    series = {**info(DIGITS)}
    for part, pod in ((PART, DIGITS), (other, OTHER)):
        series |= {recording.both(each, part, pod)[form]: "8x20" for each in EVERY}

    wanted = {
        written.ACTIVE.name: {of(written.ACTIVE, PART, DIGITS): 8},
        written.MEMORY_USED.name: {of(written.MEMORY_USED, PART, DIGITS): 8 * MIB},
        **{each.name: {} for each in (written.UTILIZATION, written.POWER, written.ENERGY)},
    }
    assert promtool.recorded(series, wanted) == ""


def test_pods_that_share_a_gpu_have_equal_shares_of_what_it_takes(
    promtool: recording.Promtool, form: int
) -> None:
    series = {**info(DIGITS), **info(CLIPS, "clips")}
    for number, pod in enumerate((DIGITS, CLIPS, OTHER)):
        shared = {**GPU, "vgpu": str(number)}
        values = {ENGINE: "0.9x20", MEMORY: "3072x20", POWER: "330x20", ENERGY: "5x20"}
        series |= {recording.both(each, shared, pod)[form]: to for each, to in values.items()}

    wanted = {
        rule.name: {of(rule, GPU, pod): value for pod in (DIGITS, CLIPS)}
        for rule, value in (
            (written.ACTIVE, 0.9),
            (written.MEMORY_USED, 1024 * MIB),
            (written.POWER, 110),
        )
    }
    assert promtool.recorded(series, {**wanted, written.ENERGY.name: {}}) == ""


def test_a_pod_that_two_replicas_of_the_operator_tell_of_is_joined_once(
    promtool: recording.Promtool, form: int
) -> None:
    series = {
        **info(DIGITS, instance="10.0.0.1:8080", accelerator=""),
        **info(DIGITS, instance="10.0.0.2:8080"),
        recording.both(ENGINE, GPU, DIGITS)[form]: "0.5x20",
    }

    wanted = {written.ACTIVE.name: {of(written.ACTIVE, GPU, DIGITS): 0.5}}
    assert promtool.recorded(series, wanted) == ""


def test_a_pod_that_came_back_on_another_node_has_its_new_gpu_alone(
    promtool: recording.Promtool, form: int
) -> None:
    moved = {**NEXT, "Hostname": "gpu-2"}
    gone, came = "0.5x2 stale", "_x2 0.8x20"
    (before,), (after,) = info(DIGITS), info(DIGITS, node="gpu-2")
    series = {
        before: "1x2 stale",
        # The operator's own words are older than DCGM's for a moment.
        after: "1x20",
        recording.both(ENGINE, GPU, DIGITS)[form]: gone,
        recording.both(ENGINE, moved, DIGITS)[form]: came,
    }

    wanted = {written.ACTIVE.name: {of(written.ACTIVE, moved, DIGITS): 0.8}}
    assert promtool.recorded(series, wanted) == ""


def test_an_exporter_that_is_scraped_in_both_forms_counts_once(
    promtool: recording.Promtool,
) -> None:
    series = {**info(DIGITS), **dict.fromkeys(recording.both(POWER, GPU, DIGITS), "300x20")}

    assert promtool.recorded(series, {written.JOB_POWER.name: {job(): 300}}) == ""


def test_without_dcgm_nothing_is_recorded(promtool: recording.Promtool) -> None:
    assert promtool.recorded(info(DIGITS), {name: {} for name in written.SERIES}) == ""


def test_a_difference_is_told(promtool: recording.Promtool) -> None:
    series = {**info(DIGITS), recording.both(POWER, GPU, DIGITS)[0]: "300x20"}

    assert "got: " in promtool.recorded(series, {written.JOB_POWER.name: {job(): 1}})
    assert "got: " in promtool.recorded(series, {written.JOB_POWER.name: {}})
