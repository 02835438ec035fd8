"""A cross-validation on the real node: each fold is held out by a pod of its own."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.e2e import conftest, volumes

FOLDS = 3
SECONDS = 300
"""A first pod pulls its framework's image."""
REASON_SECONDS = 60
"""A pod starts, imports and reads its data before it can know."""
INDEX = "batch.kubernetes.io/job-completion-index"


def folds(number: int = FOLDS, *, parallelism: int = 2) -> conftest.Body:
    """Return the spec of a small cross-validation."""
    asked = {"folds": number, "parallelism": parallelism}
    return {**conftest.cnn(epochs=2, batchSize=32), "evaluation": {"crossValidation": asked}}


def test_every_fold_is_trained_and_held_out_once(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "kept") as folder:
        kept = {"volume": {"claimName": "kept"}, "everySeconds": 60}
        namespace.apply("folds", {**folds(), "checkpoint": kept})

        status = namespace.finished("folds", seconds=SECONDS)

        assert status["phase"] == "Succeeded", status
        assert {each.name for each in (folder / namespace.name / "folds").iterdir()} == {
            f"fold-{number}-of-{FOLDS}" for number in range(FOLDS)
        }
    found = status["crossValidation"]
    assert [each["fold"] for each in found["folds"]] == [0, 1, 2]
    for name in ("accuracy", "loss"):
        values = [each["metrics"][name] for each in found["folds"]]
        # The folds hold out different samples: they can't all come to the same.
        assert len(set(values)) > 1
        assert found["mean"][name] == pytest.approx(statistics.fmean(values), abs=1e-6)
        assert found["std"][name] == pytest.approx(statistics.stdev(values), abs=1e-6)
    assert 0.5 < found["mean"]["accuracy"] <= 1
    told_as_one(status)
    one_job(namespace)


def told_as_one(status: conftest.Body) -> None:
    """Assert that the result and the progress are those of all folds."""
    rows, result, progress = (
        status["crossValidation"]["folds"],
        status["result"],
        status["progress"],
    )

    # Each sample is held out once, and trained on in the other folds.
    assert result["samples"] == pytest.approx(2 * 1797 * (FOLDS - 1), abs=FOLDS * 2 * 32)
    for name in ("samples", "steps"):
        assert result[name] == sum(each[name] for each in rows)
    assert result["seconds"] == pytest.approx(sum(each["seconds"] for each in rows), abs=0.01)
    assert result["samplesPerSecond"] == pytest.approx(
        result["samples"] / result["seconds"], rel=0.01
    )
    assert result["accuracy"] == status["crossValidation"]["mean"]["accuracy"]
    assert (progress["percent"], progress["step"]) == (100, result["steps"])
    assert status["checkpoint"]["lastStep"] == result["steps"]


def one_job(namespace: conftest.Namespace) -> None:
    """Assert that the folds were pods of one Job, each once, without a Service."""
    (workload,) = namespace.api.get(namespace.workloads)["items"]
    assert (workload["spec"]["completions"], workload["spec"]["parallelism"]) == (FOLDS, 2)
    pods = namespace.api.get(namespace.pods)["items"]
    numbers = [int(each["metadata"]["annotations"][INDEX]) for each in pods]
    assert sorted(numbers) == list(range(FOLDS))
    services = namespace.api.get(f"/api/v1/namespaces/{namespace.name}/services")["items"]
    assert services == []


def test_folds_that_have_ended_are_told_while_others_train(namespace: conftest.Namespace) -> None:
    namespace.apply("growing", folds(parallelism=1))

    early = namespace.until(
        "growing",
        lambda status: "crossValidation" in status,
        what="a first fold",
        seconds=SECONDS,
    )
    late = namespace.finished("growing", seconds=SECONDS)

    assert early["phase"] == "Running"
    assert len(early["crossValidation"]["folds"]) < FOLDS
    assert early["progress"]["percent"] < 100
    assert late["phase"] == "Succeeded", late
    known = {each["fold"]: each for each in early["crossValidation"]["folds"]}
    assert (
        known.items() <= {each["fold"]: each for each in late["crossValidation"]["folds"]}.items()
    )


def test_more_folds_than_samples_of_a_class(namespace: conftest.Namespace) -> None:
    spec = folds(20, parallelism=2)
    spec["data"] = {"name": "moving-digits", "samples": 64, "preprocess": {"frames": 4}}
    spec["model"] = {"name": "lstm", "params": {"hidden": 8}}
    began = time.monotonic()
    namespace.apply("many", spec)

    message = namespace.told("many", "Failed", "TooManyFolds", seconds=REASON_SECONDS)

    assert time.monotonic() - began < REASON_SECONDS
    assert message.startswith("fold ")
    assert "set folds to" in message
    status = namespace.finished("many")
    assert status["failure"]["class"] == "Data"
    assert status["failure"]["fold"] in (0, 1)
    assert "rank" not in status["failure"]
