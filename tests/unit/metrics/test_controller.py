"""What the operator says of itself."""

from __future__ import annotations

import prometheus_client
import pytest

from tests import places
from tests.unit.metrics import text
from trainshed.accelerators import usage
from trainshed.metrics import controller, names, stock
from trainshed.progress import refusals


@pytest.fixture
def registry() -> prometheus_client.CollectorRegistry:
    return prometheus_client.CollectorRegistry()


@pytest.fixture
def own(registry: prometheus_client.CollectorRegistry) -> controller.Controller:
    return controller.Controller(
        registry,
        push_results=list(refusals.Result),
        build_failures=["RegistryUnavailable", "SourceInvalid"],
    )


def spoken(own: controller.Controller, registry: prometheus_client.CollectorRegistry) -> str:
    own.passed(0.01, "")
    own.passed(0.02, "Conflict")
    own.taken("high", 0.001)
    own.queue("high", lambda: 3)
    own.requested("create", "201")
    own.pushed("accepted")
    own.built(0.2, "built")
    own.built(0.3, "RegistryUnavailable")
    own.hit("order")
    own.worked({"pack": 0.1, "push": 0.2}, 1000)
    own.worked({"push": 0.4}, 0)
    own.lagged(0.001)
    own.leads(True)
    at = places.of(places.gpu("l4"), places.node("a", {"nvidia.com/gpu": 4}))
    registry.register(stock.ClassCollector(at, usage.Usage(at)))
    return prometheus_client.generate_latest(registry).decode()


def test_every_metric_is_in_the_registry_of_names_and_none_is_missing(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    found = {name for name, _ in text.series(spoken(own, registry)) if "trainshed" in name}

    assert found == {name for each in names.CONTROLLER for name in each.series}


def test_labels_are_those_of_the_registry_of_names(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    for name, pairs in text.series(spoken(own, registry)):
        if name.startswith("trainshed_"):
            assert {label for label, _ in pairs} - {"le"} == set(names.SERIES[name].labels)


def test_counts_what_it_is_told(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    page = spoken(own, registry)

    assert text.of(page, "trainshed_reconcile_duration_seconds_count") == {(): 2}
    assert text.of(page, "trainshed_reconcile_errors_total", "class") == {("Conflict",): 1}
    assert text.of(page, "trainshed_queue_depth", "priority") == {("high",): 3}
    assert text.of(page, "trainshed_api_requests_total", "verb", "code") == {("create", "201"): 1}
    assert text.of(page, "trainshed_leader") == {(): 1}


def test_builds_are_counted_by_their_end_their_phases_and_what_they_found(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    page = spoken(own, registry)

    ends = {("built",): 1, ("found",): 0, ("failed",): 1}
    assert text.of(page, "trainshed_builds_total", "result") == ends
    failures = text.of(page, "trainshed_build_failures_total", "reason")
    assert failures == {("RegistryUnavailable",): 1, ("SourceInvalid",): 0}
    hits = {("image",): 0, ("order",): 1, ("requirements",): 0}
    assert text.of(page, "trainshed_build_cache_hits_total", "kind") == hits
    assert text.of(page, "trainshed_build_uploaded_bytes_total") == {(): 1000}
    counts = text.of(page, "trainshed_build_phase_seconds_count", "phase")
    assert (counts[("pack",)], counts[("push",)], counts[("start",)]) == (1, 2, 0)
    seconds = text.of(page, "trainshed_build_phase_seconds_sum", "phase")
    assert seconds[("push",)] == pytest.approx(0.6)


def test_each_end_of_a_push_has_a_series_from_the_start(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    page = prometheus_client.generate_latest(registry).decode()

    found = text.of(page, "trainshed_progress_pushes_total", "result")
    assert set(found) == {(str(each),) for each in refusals.Result}


@pytest.mark.skipif(text.PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say(
    own: controller.Controller, registry: prometheus_client.CollectorRegistry
) -> None:
    assert text.lint(spoken(own, registry)) == ""
