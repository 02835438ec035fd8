"""What a run has left: told as the spec asked for it, and nothing that it did not."""

from __future__ import annotations

import json
from typing import Any

from tests import builders, facts
from tests.unit.core import passes, structural
from trainshed.api import status
from trainshed.core import reports

LATENCY = {"samples": 1, "p50": 0.001, "p95": 0.002}
TOLD = {
    "report": "report.html",
    "exports": [
        {
            "format": "torchscript",
            "path": "torchscript",
            "bytes": 5000,
            "maxDifference": 1e-7,
            "latencySeconds": LATENCY,
            "batchLatencySeconds": {**LATENCY, "samples": 32},
        },
        {"format": "onnx", "path": "onnx", "bytes": 4000, "maxDifference": 2e-7},
    ],
    "traces": ["traces/step-100/trace.json.gz"],
    "performance": {
        "steps": 50,
        "stepSeconds": {"p50": 0.01, "p95": 0.02},
        "samplesPerSecond": 6400.0,
        "dataWaitRatio": 0.05,
        "parameters": 9000,
        "flops": 120000,
        "utilisation": 0.25,
    },
}
ASKED = {
    "evaluation": {"performance": {}},
    "export": {"formats": ["torchscript", "onnx"], "volume": {"claimName": "models"}},
    "visualization": {"volume": {"claimName": "shown"}, "profile": {}},
}


def ended(
    asked: dict[str, Any], told: dict[str, Any], *, failed: bool = False
) -> status.TrainingJobStatus:
    """Return the status of a job that has asked for this and told that."""
    document = builders.account_document(**told)
    if failed:
        document |= {"outcome": "failed", "exitCode": 2, "class": "Data", "reason": "NoRoom"}
    pod = builders.pod().on_node().exited(2 if failed else 0, json.dumps(document))
    seen = builders.observation(
        builders.training_job().cnn().spec(**asked),
        build=facts.built(),
        workload=builders.job().failed(30) if failed else builders.job().complete(30),
        pods=[pod],
    )
    wanted = passes.decided(seen, now=31)
    assert structural.faults(wanted.status, structural.STATUS) == []
    return passes.read(wanted)


def test_files_are_told_with_their_paths_on_the_volume() -> None:
    found = ended(ASKED, TOLD).artifacts

    assert found is not None
    assert found.dump() == {
        "report": "default/gestures/report.html",
        "exports": [
            {**TOLD["exports"][0], "path": "default/gestures/torchscript"},
            {**TOLD["exports"][1], "path": "default/gestures/onnx"},
        ],
        "traces": ["default/gestures/traces/step-100/trace.json.gz"],
    }


def test_the_performance_test_is_told() -> None:
    found = ended(ASKED, TOLD).performance

    assert found is not None
    assert found.dump() == {
        "steps": 50,
        "stepSeconds": {"p50": 0.01, "p95": 0.02},
        "samplesPerSecond": 6400.0,
        "dataWaitRatio": 0.05,
        "parameters": 9000,
        "forwardFlops": 120000,
        "mfu": 0.25,
    }


def test_what_was_not_asked_for_is_not_told() -> None:
    found = ended({"evaluation": {"visual": False}}, TOLD)

    assert (found.artifacts, found.performance) == (None, None)


def test_a_format_that_was_not_asked_for_is_not_told() -> None:
    found = ended({"export": {**ASKED["export"], "formats": ["onnx"]}}, TOLD).artifacts

    assert found is not None
    assert found.exports is not None
    assert [each.format for each in found.exports] == ["onnx"]


def test_a_trace_that_was_not_asked_for_is_not_told() -> None:
    found = ended({"visualization": {"volume": {"claimName": "shown"}}}, TOLD).artifacts

    assert found is not None
    assert found.dump() == {"report": "default/gestures/report.html"}


def test_a_job_that_tells_of_nothing_has_no_artifacts() -> None:
    found = ended(ASKED, {})

    assert (found.artifacts, found.performance) == (None, None)


def test_a_failed_job_tells_of_what_it_has_left() -> None:
    found = ended(ASKED, TOLD, failed=True)

    assert found.phase == "Failed"
    assert found.artifacts is not None
    assert found.performance is not None


def test_the_last_push_tells_where_the_pod_left_no_account() -> None:
    account = reports.Account("succeeded", 0, steps=1, report="report.html")
    seen = builders.observation(
        builders.training_job().cnn().spec(**ASKED),
        build=facts.built(),
        workload=builders.job().complete(30),
        pods=[builders.pod().on_node().exited(0, "")],
        progress=facts.progress(100, received=29, account=account),
    )

    found = passes.read(passes.decided(seen, now=31)).artifacts

    assert found is not None
    assert found.report == "default/gestures/report.html"
