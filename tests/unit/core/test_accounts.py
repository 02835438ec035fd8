"""A termination message is the user's container's: it may hold anything."""

import json

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders, facts
from tests.unit.core import passes, structural
from trainshed.core import accounts, findings, reports

JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.floats()
    | strategies.integers()
    | strategies.integers(min_value=2**62, max_value=2**70)
    | strategies.text()
    | strategies.sampled_from(["\ud800", "succeeded", "failed", "stopped", "UserCode", "Data"]),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [
    *sorted(builders.account_document()),
    *("class", "reason", "message", "logTail", "rank"),
    *("report", "exports", "traces", "performance", "energyJoules"),
]
ACCOUNTS = strategies.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON))
OURS = ACCOUNTS.flatmap(
    lambda fields: strategies.sampled_from(["succeeded", "failed", "stopped"]).map(
        lambda outcome: {**fields, "outcome": outcome}
    )
)


def ended(message: str, *, code: int) -> list[str]:
    """Return what the API server would refuse of the status of a job that ended so."""
    job = builders.job().complete(30) if code == 0 else builders.job().failed(30)
    pod = builders.pod().on_node().exited(code, message)
    seen = builders.observation(workload=job, pods=[pod], build=facts.built())
    wanted = passes.decided(seen, now=31)
    assert passes.read(wanted).phase.finished
    return structural.faults(wanted.status, structural.STATUS)


@hypothesis.given(text=strategies.text(), code=strategies.sampled_from([0, 1, 2, 137]))
def test_any_text_ends_in_a_status_that_the_api_server_takes(text: str, code: int) -> None:
    assert ended(text, code=code) == []


@hypothesis.given(document=ACCOUNTS | OURS, code=strategies.sampled_from([0, 1]))
def test_any_json_ends_in_a_status_that_the_api_server_takes(document: object, code: int) -> None:
    assert ended(json.dumps(document), code=code) == []


def test_a_sound_account_is_read_whole() -> None:
    found = accounts.parse(json.dumps(builders.account_document()))

    assert found is not None
    assert (found.steps, found.samples, found.samples_per_second) == (100, 6400, 800.0)
    assert found.metrics == {"accuracy": 0.97}
    assert found.end_time == builders.T0 + 29


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain log output",
        "{",
        "[]",
        "{}",
        '{"outcome": "won"}',
        '{"outcome": ["succeeded"]}',
        '{"outcome": {}}',
        "[" * 4000,
        '{"a":' * 2000,
        '{"outcome": "succeeded", "steps": ' + "9" * 4000 + "}",
    ],
    ids=[
        "nothing",
        "a log",
        "cut JSON",
        "a list",
        "no outcome",
        "an unknown outcome",
        "a list as outcome",
        "an object as outcome",
        "deep lists",
        "deep objects",
        "a number of 4,000 digits",
    ],
)
def test_what_is_no_account_is_none_or_has_no_counts(text: str) -> None:
    found = accounts.parse(text)

    assert found is None or found.steps == 0


@pytest.mark.parametrize(
    "seconds", [1e300, -1e300, -1.0, 1e18, 253402300800.0, 0.0], ids=lambda value: f"{value:g}"
)
def test_a_moment_that_no_calendar_has_is_left_out(seconds: float) -> None:
    found = accounts.read(builders.account_document(endTime=seconds, firstStepTime=seconds))

    assert found is not None
    assert found.end_time is None
    assert found.first_step_time is None


def test_counts_beyond_64_bits_are_no_counts() -> None:
    found = accounts.read(builders.account_document(samples=2**63, steps=-5))

    assert found is not None
    assert (found.samples, found.steps) == (0, 0)


def test_a_metric_that_is_none_is_left_out() -> None:
    metrics = {"accuracy": 0.9, "nan": float("nan"), "text": "0.9", "flag": True, "größe": 1.0}

    found = accounts.read(builders.account_document(metrics=metrics))

    assert found is not None
    assert found.metrics == {"accuracy": 0.9}


def test_at_most_ten_metrics_are_kept() -> None:
    metrics = {f"metric-{number}": float(number) for number in range(50)}

    found = accounts.read(builders.account_document(metrics=metrics))

    assert found is not None
    assert len(found.metrics) == 10


def test_text_is_cut_and_without_lone_surrogates() -> None:
    found = accounts.read(builders.account_document(message="\ud800" * 5000, logTail="x" * 9000))

    assert found is not None
    assert found.message == "?" * 1024
    assert len(found.log_tail) == 4096


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (["b" * 300, 1, None], ("b" * 200,)),
        (["\ud800"], ("?",)),
        (["a", "b", "c", "d"], ("a", "b", "c")),
        ("a", ()),
        ({}, ()),
    ],
    ids=["no text among them", "a lone surrogate", "too many", "a text", "an object"],
)
def test_few_warnings_are_kept(told: object, kept: tuple[str, ...]) -> None:
    found = accounts.read(builders.account_document(warnings=told))

    assert found is not None
    assert found.warnings == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"lastStep": 80, "resumedFromStep": 40}, reports.Checkpoint(80, 40)),
        ({"lastStep": 80}, reports.Checkpoint(80, 0)),
        ({"lastStep": -1, "resumedFromStep": "x"}, reports.Checkpoint(0, 0)),
        ({}, None),
        ([80], None),
        (None, None),
    ],
    ids=["both", "one", "unsound", "empty", "a list", "nothing"],
)
def test_checkpoints_of_an_account(told: object, kept: reports.Checkpoint | None) -> None:
    found = accounts.read({"outcome": "failed", "checkpoint": told})

    assert found is not None
    assert found.checkpoint == kept


LATENCY = {"samples": 32, "p50": 0.001, "p95": 0.002}
EXPORT = {"format": "onnx", "path": "onnx", "bytes": 4096, "maxDifference": 1e-6}


def test_files_and_tests_of_an_account() -> None:
    measured = {"steps": 50, "stepSeconds": {"p50": 0.1, "p95": 0.2}, "samplesPerSecond": 640.0}
    counted = {"dataWaitRatio": 0.1, "parameters": 900, "flops": 70000, "utilisation": 0.4}
    exports = [{**EXPORT, "latencySeconds": LATENCY}]

    found = accounts.read(
        builders.account_document(
            report="report.html",
            exports=exports,
            traces=["traces/step-100/trace.json.gz"],
            performance={**measured, **counted},
        )
    )

    assert found is not None
    assert (found.report, found.traces) == ("report.html", ("traces/step-100/trace.json.gz",))
    assert found.exports == (
        findings.Export("onnx", "onnx", 4096, 1e-6, findings.Latency(32, 0.001, 0.002)),
    )
    assert found.tested == findings.Tested(50, 0.1, 0.2, 640.0, 0.1, 900, 70000, 0.4)


OUTSIDE = ["/etc/passwd", "../other", "a/../../b", "a//b", ".", "a\nb", "a b", "ä", "a/", "", 7]


@pytest.mark.parametrize("path", [*OUTSIDE, "a" * 257], ids=repr)
def test_a_path_that_may_lead_out_of_its_folder_is_none(path: object) -> None:
    found = accounts.read(
        builders.account_document(
            report=path, exports=[{**EXPORT, "path": path}], traces=[path, "fine"]
        )
    )

    assert found is not None
    assert (found.report, found.exports, found.traces) == ("", (), ("fine",))


@pytest.mark.parametrize(
    "told",
    [7, {}, [[]], [{}], [{"format": "onnx"}], [{"path": "onnx"}], [{**EXPORT, "format": 3}]],
    ids=repr,
)
def test_exports_that_are_none(told: object) -> None:
    found = accounts.read(builders.account_document(exports=told))

    assert found is not None
    assert found.exports == ()


def test_figures_that_are_none_are_left_out() -> None:
    wrong = {"samples": -1, "p50": "x"}
    export = {**EXPORT, "maxDifference": -1.0, "latencySeconds": wrong, "batchLatencySeconds": []}
    tested = {"steps": 5, "stepSeconds": [], "flops": 2**63, "utilisation": float("nan")}

    found = accounts.read(builders.account_document(exports=[export] * 9, performance=tested))

    assert found is not None
    assert found.exports == (findings.Export("onnx", "onnx", 4096),) * accounts.MAX_EXPORTS
    assert found.tested == findings.Tested(5)
