"""What a process tells of its GPUs, and that it trains on whatever becomes of them."""

from __future__ import annotations

import json
import pathlib
import threading
from collections.abc import Callable, Iterator, Mapping

import prometheus_client
import pytest
from prometheus_client import parser

from images.trainer.tests import fake_nvml
from trainshed_trainer import claims, context, gpus, metrics, nvml, standing
from trainshed_trainer import run as running

LONG = 30.0
FakeGpu, FakeNvml = fake_nvml.FakeGpu, fake_nvml.FakeNvml


def opened(
    load: Callable[[], nvml.Library | None], environment: Mapping[str, str] | None = None
) -> gpus.Gpus:
    """Return GPUs that are open."""
    found = gpus.Gpus(load, environment or {})
    found.start()
    assert found.opened(LONG)
    return found


def names(library: FakeNvml, **environment: str) -> list[str]:
    return [library.uuid(each) for each in gpus.own(library, environment)]


def page(found: gpus.Gpus) -> dict[str, float]:
    """Return the series of GPUs that a scrape has, by name and device."""
    at = standing.Standing()
    series = metrics.create(at, trainingjob="digits", rank=0, devices=found.readings)
    assert series is not None
    text = prometheus_client.generate_latest(series.registry).decode()
    return {
        f"{each.name.removeprefix('training_accelerator_')} {each.labels['device']}": each.value
        for family in parser.text_string_to_metric_families(text)
        for each in family.samples
        if each.name.startswith("training_accelerator_")
    }


@pytest.fixture
def forever() -> Iterator[threading.Event]:
    """Return what a driver waits for; it comes once the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_scrape_has_what_the_gpus_say_then() -> None:
    first, second = FakeGpu(), FakeGpu("GPU-1", used=0, watts=60.0, busy=0.0)
    found = opened(lambda: FakeNvml([first, second]))
    first.used, first.joules = 40 * fake_nvml.GIB, 1_000_250.0

    assert page(found) == {
        "memory_used_bytes 0": 40 * fake_nvml.GIB,
        "memory_used_bytes 1": 0,
        "memory_total_bytes 0": 80 * fake_nvml.GIB,
        "memory_total_bytes 1": 80 * fake_nvml.GIB,
        "power_watts 0": 300,
        "power_watts 1": 60,
        "utilization_ratio 0": 0.5,
        "utilization_ratio 1": 0,
        "energy_joules_total 0": 250,
        "energy_joules_total 1": 0,
    }


def test_what_a_gpu_does_not_tell_has_no_series() -> None:
    part = FakeGpu("MIG-a", watts=None, busy=None, joules=None)
    found = opened(lambda: FakeNvml([FakeGpu(parts=[part])]))

    assert set(page(found)) == {"memory_used_bytes 0", "memory_total_bytes 0"}
    assert found.joules() is None


def test_no_library_is_no_series_and_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    found = opened(lambda: None)

    assert page(found) == {}
    assert found.joules() is None
    assert capsys.readouterr().err == ""


def test_nothing_is_asked_before_a_run_begins() -> None:
    def load() -> nvml.Library:
        raise AssertionError("nobody asked")

    assert page(gpus.Gpus(load, {})) == {}


def test_a_driver_that_can_not_begin_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load() -> nvml.Library:
        raise nvml.NvmlError("nvmlInit_v2: Driver/library version mismatch")

    found = opened(load)

    assert page(found) == {}
    assert capsys.readouterr().err.count("\n") == 1


def test_a_gpu_that_fails_is_told_once_and_asked_no_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = FakeNvml()
    found = opened(lambda: library)
    library.failing = "nvmlDeviceGetMemoryInfo: GPU is lost"

    assert [page(found), page(found), found.joules()] == [{}, {}, None]
    assert library.asked == 1
    assert capsys.readouterr().err == (
        "trainshed: no figures of the GPUs from now on: nvmlDeviceGetMemoryInfo: GPU is lost\n"
    )


def test_a_driver_that_hangs_holds_neither_a_scrape_nor_the_end(
    forever: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(gpus, "LAST_SECONDS", 0.01)
    library = FakeNvml()
    found = opened(lambda: library)
    library.hanging = forever
    assert found.joules() is None

    assert page(found) == {}


def test_a_driver_that_opens_for_ever_holds_nobody(forever: threading.Event) -> None:
    def load() -> nvml.Library | None:
        forever.wait()
        return None

    found = gpus.Gpus(load, {})
    found.start()

    assert not found.opened(0.01)
    assert [page(found), found.joules()] == [{}, None]


def test_energy_is_that_of_all_since_the_run_began() -> None:
    first, second = FakeGpu(joules=500.0), FakeGpu(joules=9_000.0)
    found = opened(lambda: FakeNvml([first, second]))
    first.joules, second.joules = 800.0, 9_100.0

    assert found.joules() == pytest.approx(400.0)


def test_energy_never_falls_where_a_driver_begins_to_count_anew() -> None:
    gpu = FakeGpu(joules=500.0)
    found = opened(lambda: FakeNvml([gpu]))
    told = []
    for gpu.joules in (800.0, 10.0, None, 60.0):
        told.append(found.joules())

    assert told == [300.0, 300.0, None, 350.0]


@pytest.mark.parametrize("hidden", ["void", "none", ""])
def test_gpus_that_are_hidden_from_a_container_are_not_even_asked_for(hidden: str) -> None:
    def load() -> nvml.Library:
        raise AssertionError("nobody asked")

    assert page(opened(load, {"NVIDIA_VISIBLE_DEVICES": hidden})) == {}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "GPU-aa GPU-ab GPU-c"),
        ({"NVIDIA_VISIBLE_DEVICES": "all"}, "GPU-aa GPU-ab GPU-c"),
        ({"NVIDIA_VISIBLE_DEVICES": "5,6,7"}, "GPU-aa GPU-ab GPU-c"),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-c,GPU-aa"}, "GPU-aa GPU-c"),
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, "GPU-c GPU-aa"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-c, GPU-ab"}, "GPU-c GPU-ab"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-c,GPU-a"}, "GPU-c"),
        ({"CUDA_VISIBLE_DEVICES": "1,-1,0"}, "GPU-ab"),
        ({"CUDA_VISIBLE_DEVICES": "1,9,0"}, "GPU-ab"),
        ({"CUDA_VISIBLE_DEVICES": ""}, ""),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-ab,GPU-c", "CUDA_VISIBLE_DEVICES": "1"}, "GPU-c"),
    ],
    ids=lambda each: str(each),
)
def test_a_process_has_the_gpus_that_its_environment_names(
    environment: dict[str, str], wanted: str
) -> None:
    library = FakeNvml([FakeGpu("GPU-aa"), FakeGpu("GPU-ab"), FakeGpu("GPU-c")])

    assert names(library, **environment) == wanted.split()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "MIG-a MIG-b GPU-1"),
        ({"NVIDIA_VISIBLE_DEVICES": "MIG-b"}, "MIG-b"),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-0"}, "MIG-a MIG-b"),
        ({"CUDA_VISIBLE_DEVICES": "MIG-b"}, "MIG-b"),
        ({"CUDA_VISIBLE_DEVICES": "2"}, "GPU-1"),
    ],
    ids=lambda each: str(each),
)
def test_instances_of_mig_stand_for_the_gpu_that_is_cut(
    environment: dict[str, str], wanted: str
) -> None:
    cut = FakeGpu("GPU-0", parts=[FakeGpu("MIG-a"), FakeGpu("MIG-b")])

    assert names(FakeNvml([cut, FakeGpu("GPU-1")]), **environment) == wanted.split()


@pytest.mark.parametrize("joules", [400.0, None])
def test_a_runs_account_has_the_energy_that_its_gpus_took(
    job: context.Context, joules: float | None
) -> None:
    gpu = FakeGpu(joules=joules)
    found = gpus.Gpus(lambda: FakeNvml([gpu]), {})
    with running.Run(known=job, devices=found) as run:
        assert found.opened(LONG)
        for _ in run.steps(range(3), samples=1):
            if gpu.joules is not None:
                gpu.joules += 100.0

    left = json.loads(pathlib.Path(job.account_file).read_text(encoding="utf-8"))
    told = claims.account(left["account"]).get("energyJoules")
    assert told == (300.0 if joules is not None else None)


def test_nothing_is_asked_outside_a_job() -> None:
    def load() -> nvml.Library:
        raise AssertionError("nobody asked")

    with running.Run(known=context.Context(), devices=gpus.Gpus(load, {})) as run:
        assert list(run.steps(range(2), samples=1)) == [0, 1]
