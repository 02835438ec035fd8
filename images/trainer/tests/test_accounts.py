from __future__ import annotations

import json
import math
import pathlib

from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import accounts, claims

text = st.text(st.characters(), max_size=6000)
values = st.recursive(
    st.one_of(st.floats(), st.integers(), text, st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["message", "logTail", "loss", "reason", "metrics", "class"]) | text


@given(st.dictionaries(names, values, max_size=5))
def test_an_account_always_fits_and_is_json(found: dict[str, object]) -> None:
    rendered = accounts.render({**found, "v": 1, "outcome": "failed"})

    assert len(rendered.encode()) <= accounts.MAX_BYTES
    assert json.loads(rendered)["outcome"] == "failed"


def test_the_end_of_a_log_is_what_is_kept() -> None:
    rendered = accounts.render({"logTail": "x" * 9000 + "the end"})

    assert json.loads(rendered)["logTail"].endswith("the end")


def test_what_json_cannot_hold_is_none() -> None:
    assert accounts.finite({"loss": math.nan, "rate": math.inf}) == {"loss": None, "rate": None}


def test_a_hostile_account_file_is_no_account(tmp_path: pathlib.Path) -> None:
    for number, content in enumerate((b"[1]", b"{", b"\xff\xfe", b"[" * 100_000)):
        file = tmp_path / str(number)
        file.write_bytes(content)
        assert accounts.read(str(file)) is None


def test_an_account_of_long_values_alone_still_fits() -> None:
    rendered = accounts.render(
        {"v": 1, "outcome": "failed", "reason": "x" * 9000, "other": "y" * 9000}
    )

    assert len(rendered.encode()) <= accounts.MAX_BYTES
    assert json.loads(rendered)["outcome"] == "failed"


def test_colours_of_a_log_are_taken_out() -> None:
    rendered = accounts.render({"logTail": "\x1b[31mred\x1b[0m\rnext\x07"})

    assert json.loads(rendered)["logTail"] == "red\nnext"


@given(values)
def test_claims_are_sound_whatever_was_left(left: object) -> None:
    for read in (claims.account, claims.progress):
        kept = read({"metrics": left, "steps": left, "loss": left, "reason": left, "samples": left})
        json.dumps(kept, allow_nan=False)
        assert isinstance(kept.get("steps", 0), int)
        read(left)


LATENCY = {"samples": 32, "p50": 0.001234, "p95": 0.002345}
EXPORT = {
    "format": "torchscript",
    "path": "torchscript",
    "bytes": 123_456_789,
    "maxDifference": 1.192e-07,
    "latencySeconds": LATENCY,
    "batchLatencySeconds": LATENCY,
}
FOUND = {
    "report": "report.html",
    "traces": [f"traces/rank-{rank}/2026-11-24-18-30-00" for rank in range(4)],
    "exports": [EXPORT] * claims.MOST_EXPORTS,
    "performance": {
        "steps": 100_000,
        "stepSeconds": {"p50": 0.001234, "p95": 0.002345},
        "samplesPerSecond": 123_456.7,
        "dataWaitRatio": 0.01234,
        "parameters": 123_456_789,
        "flops": 123_456_789_012,
        "utilisation": 0.4321,
    },
}


def full(**fields: object) -> accounts.Account:
    """Return an account that has all that a run can tell."""
    metrics = {"m" * 64 + str(number): 0.123456789012345 for number in range(10)}
    kept = {"checkpoint": {"lastStep": 10**9, "resumedFromStep": 10**9}, "metrics": metrics}
    moments = dict.fromkeys(("startTime", "firstStepTime", "endTime"), 1_790_000_000.123456)
    return {**accounts.blank(), **kept, **moments, **FOUND, **fields}


def test_all_that_a_run_tells_fits_with_the_end_of_its_log() -> None:
    found = json.loads(accounts.render(full(message="x" * 512, logTail="y" * 9000)))

    assert FOUND.items() <= found.items()
    assert len(found["logTail"]) > 500
    assert found["message"] == "x" * 512


def test_what_was_found_after_training_goes_before_the_message_and_the_metrics() -> None:
    message = "ä" * 1024
    found = json.loads(accounts.render(full(message=message, logTail="y" * 9000)))

    assert "traces" not in found
    assert found["message"] == message
    assert len(found["metrics"]) == 10
    assert (found["performance"], found["report"]) == (FOUND["performance"], "report.html")
