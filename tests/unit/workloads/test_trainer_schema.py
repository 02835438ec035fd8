"""The spec that the operator hands over is the one that the training library reads."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests import builders
from tests.unit.core import structural
from tests.unit.workloads import test_pod as pods
from trainshed.api import labels
from trainshed.api import model as model_api
from trainshed_trainer import schema

Schema = Mapping[str, Any]
Field = tuple[str, dataclasses.Field[Any], Schema]

SHOWN = {"volume": {"claimName": "shown"}}
CHECKPOINT = {"volume": {"claimName": "kept"}, "everySeconds": 60, "keep": 3, "resume": "never"}
JOBS: dict[str, builders.TrainingJobBuilder] = {
    "the smallest": builders.training_job().cnn(),
    "TensorFlow": builders.training_job().tensorflow().cnn(),
    **{name: builders.training_job().model(name) for name in model_api.ModelName},
    "parameters": builders.training_job().model(
        "cnn-lstm", channels=[8], kernel=5, features=9, cell="gru", hidden=7, layers=2, dropout=0.5
    ),
    "attention": builders.training_job().model("cnn-attention", channels=[8, 12], heads=3),
    "moving digits": builders.training_job().data(
        name="moving-digits",
        label="digit",
        samples=64,
        preprocess={"augment": ["hflip", "noise"], "frames": 8, "stride": 2, "resize": [16, 16]},
    ),
    "a folder": builders.training_job().data(
        folder={"path": "/data/clips", "layout": "videos"},
        volume={"claimName": "clips"},
        maxCorrupt=3,
    ),
    "object storage": builders.training_job().data(
        uri="s3://bucket/clips",
        layout="webdataset",
        secretRef={"name": "keys"},
        cacheBytes="1.5Gi",
    ),
    "training": builders.training_job()
    .cnn()
    .training(
        maxSteps=9,
        optimizer={"name": "rmsprop", "momentum": 0.5, "clipNorm": 1},
        loss={"name": "focal", "gamma": 1.5, "classWeights": "balanced"},
        precision="bf16",
        compile="never",
        target={"value": 0.95},
    ),
    "checkpoints": builders.training_job().cnn().spec(checkpoint=CHECKPOINT),
    "checkpoints in object storage": builders.training_job()
    .cnn()
    .spec(
        checkpoint={
            "uri": "s3://bucket/kept",
            "secretRef": {"name": "keys"},
            "from": {"job": "other"},
        }
    ),
    "checkpoints of another job": builders.training_job()
    .cnn()
    .spec(checkpoint={"volume": {"claimName": "kept"}, "from": {"job": "other"}}),
    "a performance test": builders.training_job().cnn().spec(evaluation={"performance": {}}),
    "tests": builders.training_job()
    .cnn()
    .spec(
        evaluation={"performance": {"warmupSteps": 0, "steps": 500}, "visual": True},
        visualization=SHOWN,
    ),
    "traces": builders.training_job()
    .cnn()
    .spec(
        visualization={
            **SHOWN,
            "tensorboard": {"enabled": True},
            "profile": {"atStep": 5, "steps": 3},
        }
    ),
    "a cross-validation": builders.training_job().cnn().folds(5, parallelism=2),
    "exports": builders.training_job()
    .cnn()
    .spec(export={"formats": ["torchscript", "onnx"], "volume": {"claimName": "models"}}),
    "exports of TensorFlow": builders.training_job()
    .tensorflow()
    .cnn()
    .spec(
        export={
            "formats": ["savedmodel", "onnx"],
            "volume": {"claimName": "models"},
            "benchmark": True,
        }
    ),
}


def document(job: builders.TrainingJobBuilder) -> dict[str, Any]:
    """Return the spec.json of a job's pod."""
    found: dict[str, Any] = json.loads(pods.pod_of(job)["metadata"]["annotations"][labels.SPEC])
    return found


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_library_reads_what_it_is_handed(job: builders.TrainingJobBuilder) -> None:
    assert structural.faults(job.build()["spec"], structural.SPEC) == []
    assert schema.read(document(job)).model.name == job.build()["spec"]["model"]["name"]


def test_a_model_without_parameters_has_the_librarys() -> None:
    assert document(JOBS["cnn-lstm"])["model"] == {"name": "cnn-lstm"}
    assert document(JOBS["attention"])["model"]["params"] == {"channels": [8, 12], "heads": 3}


def test_what_is_the_pods_business_is_not_handed_over() -> None:
    folder, remote = document(JOBS["a folder"])["data"], document(JOBS["object storage"])["data"]

    assert folder["folder"] == {"path": "/data/clips", "layout": "videos"}
    assert (remote["uri"], remote["layout"]) == ("s3://bucket/clips", "webdataset")
    assert remote["cacheBytes"] == 3 * 2**29
    assert not {"volume", "secretRef"} & {*folder, *remote}


def test_checkpoints_are_handed_over_with_the_folder_that_they_start_from() -> None:
    asked = document(JOBS["checkpoints"])["checkpoint"]

    assert asked == {"everySeconds": 60, "keep": 3, "resume": "never"}
    assert document(JOBS["checkpoints of another job"])["checkpoint"] == {
        "from": "/checkpoints/default/other"
    }
    assert document(JOBS["checkpoints in object storage"])["checkpoint"] == {
        "from": "s3://bucket/kept/default/other"
    }
    assert "checkpoint" not in document(JOBS["the smallest"])


def test_tests_and_exports_are_handed_over_without_their_volumes() -> None:
    performance = {"warmupSteps": 10, "steps": 50}

    assert document(JOBS["a performance test"])["evaluation"] == {
        "performance": performance,
        "visual": False,
    }
    assert document(JOBS["exports of TensorFlow"])["export"] == {
        "formats": ["savedmodel", "onnx"],
        "benchmark": True,
    }
    assert document(JOBS["traces"])["visualization"] == {
        "tensorboard": {"enabled": True},
        "profile": {"atStep": 5, "steps": 3},
    }
    assert not {"evaluation", "export", "visualization"} & set(document(JOBS["the smallest"]))


def test_how_many_folds_train_at_a_time_is_the_jobs_business() -> None:
    asked = document(JOBS["a cross-validation"])["evaluation"]

    assert asked == {"crossValidation": {"folds": 5}, "visual": False}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def fields(kind: Any, known: Schema, path: str) -> Iterator[Field]:
    """Yield every plain field of a dataclass of the library and its schema here."""
    hints = typing.get_type_hints(kind)
    for each in dataclasses.fields(kind):
        where, hint = f"{path}.{_camel(each.name)}", hints[each.name]
        if isinstance(hint, types.UnionType):
            kinds = [one for one in typing.get_args(hint) if one is not types.NoneType]
            hint = kinds[0] if len(kinds) == 1 else None
        inner = known["properties"].get(_camel(each.name))
        if inner is None or where in ELSEWHERE:
            yield where, each, {}
        elif hint is not None and dataclasses.is_dataclass(hint):
            yield from fields(hint, inner, where)
        elif hint is not None:
            yield where, each, inner


NOT_HANDED_OVER: frozenset[str] = frozenset()
"""What the library can do and a TrainingJob can't ask for yet."""
ELSEWHERE = {"spec.checkpoint.from", "spec.data.cacheBytes", "spec.framework"}
"""What the library gets in another form than it is written, or does not get in every case."""
PARAMS = structural.SPEC["properties"]["model"]["properties"]["params"]
FIELDS = {
    where: (field, known)
    for where, field, known in [
        *fields(schema.Spec, structural.SPEC, "spec"),
        *(
            each
            for name, kind in schema.PARAMS.items()
            for each in fields(kind, PARAMS, f"spec.model[{name}].params")
        ),
    ]
    if where not in ELSEWHERE | NOT_HANDED_OVER
}


@pytest.mark.parametrize("where", FIELDS)
def test_both_sides_have_the_same_limits(where: str) -> None:
    field, known = FIELDS[where]

    assert known, f"the operator's schema has no {where}"
    values = known.get("items", known)
    if names := field.metadata.get("names") or field.metadata.get("some"):
        assert set(values["enum"]) == set(names)
    if (limits := field.metadata.get("limits")) is not None:
        assert _range(values) == _within(limits)
        assert limits.entries in (None, known.get("maxItems"))


@pytest.mark.parametrize("where", FIELDS)
def test_a_default_of_the_schema_is_the_librarys(where: str) -> None:
    field, known = FIELDS[where]

    # JSON has one kind of number: 0.0 here is 0 there.
    assert known.get("default", field.default) == field.default


def _range(known: Schema) -> tuple[Any, ...]:
    low, high = known.get("minimum", -math.inf), known.get("maximum", math.inf)
    return low, known.get("exclusiveMinimum", False), high, known.get("exclusiveMaximum", False)


def _within(limits: Any) -> tuple[Any, ...]:
    low, above = limits.at_least, limits.above
    high, below = limits.at_most, limits.below
    return max(low, above), above > low, min(high, below), below < high


def test_each_model_has_the_parameters_that_the_library_has() -> None:
    known = {
        name: {each.name for each in dataclasses.fields(kind)}
        for name, kind in schema.PARAMS.items()
    }

    assert {str(name): set(names) for name, names in model_api.PARAMS.items()} == known
