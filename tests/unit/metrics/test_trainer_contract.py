"""The training library's series, against the registry of names."""

from __future__ import annotations

import prometheus_client
import pytest
from prometheus_client import parser

from tests.unit.metrics import text
from trainshed.metrics import names
from trainshed_trainer import counting, gpus, metrics, standing

INFO = {
    "framework": "pytorch",
    "framework_version": "2",
    "device": "cpu",
    "dtype": "float32",
    "world_size": "1",
}


@pytest.fixture
def page() -> str:
    """Return what a process serves that has said all that it can say."""
    at = standing.Standing(total=9, loss=0.5, evaluated={"accuracy": 0.9})
    at.counts.add(step=0.01, wait=0.0, samples=64)
    gpu = gpus.Reading("0", 2**30, 2**36, power=300.0, utilization=0.5, energy=90.0)
    series = metrics.create(at, trainingjob="digits", rank=0, fold=1, devices=lambda: [gpu])
    assert series is not None
    series.introduce(INFO)
    return prometheus_client.generate_latest(series.registry).decode()


def test_library_exports_what_the_registry_says_and_no_more(page: str) -> None:
    found = {name for name, _ in text.series(page)}

    assert found == {name for each in names.TRAINER for name in each.series}


def test_labels_are_those_of_the_registry(page: str) -> None:
    for name, pairs in text.series(page):
        assert {label for label, _ in pairs} - {"le"} == set(names.SERIES[name].labels), name


def test_types_are_those_of_the_registry(page: str) -> None:
    kinds = {each.name.removesuffix("_total"): each.kind for each in names.TRAINER}

    found = {each.name: each.type for each in parser.text_string_to_metric_families(page)}
    assert found == {name: kind.value for name, kind in kinds.items()}


def test_buckets_of_the_step_time_are_those_of_the_registry() -> None:
    assert counting.BOUNDS == names.STEP_BUCKETS


@pytest.mark.skipif(text.PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say(page: str) -> None:
    assert text.lint(page) == ""
