"""The models: reading, printing, reasons."""

import re

import pydantic
import pytest

from tests import builders
from tests.unit.core import structural
from trainshed.api import base, phases, reasons, spec, status
from trainshed.api import data as data_api
from trainshed.api import model as model_api

FULL = {
    "framework": "pytorch",
    "model": {"name": "cnn", "params": {"channels": [8, 16], "hidden": 32}},
    "data": {
        "name": "digits",
        "preprocess": {"resize": [16, 16], "normalize": "none"},
        "split": {"validation": 0.3, "seed": 4},
    },
    "training": {
        "maxSteps": 100,
        "batchSize": 32,
        "optimizer": {"name": "sgd", "learningRate": 0.1, "schedule": "cosine", "warmupSteps": 5},
        "loss": {"name": "crossEntropy", "labelSmoothing": 0.1},
    },
    "evaluation": {"performance": {"warmupSteps": 5, "steps": 20}, "visual": True},
    "export": {"formats": ["onnx"], "volume": {"claimName": "models"}, "benchmark": True},
    "visualization": {"volume": {"claimName": "shown"}},
    "image": {"base": "own/base:1", "pullSecrets": [{"name": "key"}], "compression": "gzip"},
    "resources": {"cpu": 2, "memory": "2Gi", "sharedMemory": "1Gi"},
    "pod": {"nodeSelector": {"a": "b"}, "fsGroup": 2000},
}


@pytest.mark.parametrize(
    "document",
    [
        FULL,
        builders.training_job().cnn().build()["spec"],
        builders.training_job().script().build()["spec"],
        builders.training_job().config_map().build()["spec"],
        builders.training_job().command("python", "x.py").build()["spec"],
        builders.training_job().tensorflow().cnn().build()["spec"],
        builders.training_job().custom().command("./own").build()["spec"],
    ],
    ids=["full", "smallest", "inline", "ConfigMap", "command", "TensorFlow", "another library"],
)
def test_a_spec_that_is_read_and_written_means_the_same(document: dict[str, object]) -> None:
    once = spec.TrainingJobSpec.model_validate(document)

    assert spec.TrainingJobSpec.model_validate(once.dump()) == once
    assert structural.faults(once.dump(), structural.SPEC) == []


def test_a_status_that_is_read_and_written_is_the_same() -> None:
    document = {
        "phase": "Failed",
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Failed",
                "status": "True",
                "reason": "UserCodeFailed",
                "message": "boom",
                "lastTransitionTime": builders.at(1),
                "observedGeneration": 1,
            }
        ],
        "failure": {"class": "UserCode", "exitCode": 1, "message": "boom"},
    }

    read = status.TrainingJobStatus.model_validate(document)

    assert read.dump() == document
    assert structural.faults(document, structural.STATUS) == []


def test_a_field_of_a_newer_version_is_read_over() -> None:
    newer = {**FULL, "telescope": {"type": "radio"}}

    assert spec.TrainingJobSpec.model_validate(newer).dump() == (
        spec.TrainingJobSpec.model_validate(FULL).dump()
    )


def test_a_quantity_may_be_a_number() -> None:
    resources = spec.TrainingJobSpec.model_validate(FULL).resources

    assert resources is not None
    assert resources.cpu == "2"


@pytest.mark.parametrize("text", ["-1", "1.", "two", "1 Gi", "1e3", "Gi", ""])
def test_a_quantity_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        spec.TrainingJobSpec.model_validate({**FULL, "resources": {"cpu": text}})


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("7", 7),
        ("1500m", 2),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("2G", 2 * 10**9),
        ("0.1T", 10**11),
        ("3Ti", 3 * 2**40),
        ("20Mi", 20 * 2**20),
        ("4M", 4_000_000),
    ],
)
def test_a_quantity_is_so_many_bytes(text: str, amount: int) -> None:
    assert base.amount(text) == amount


def test_defaults_are_filled_in() -> None:
    prepared = data_api.Data.model_validate({"name": "digits"}).dump()["preprocess"]

    assert prepared == {"normalize": "standard", "stride": 1}


def test_the_defaults_of_a_model_are_its_own() -> None:
    assert model_api.Model.model_validate({"name": "lstm"}).dump() == {"name": "lstm"}


@pytest.mark.parametrize("value", [*reasons.Reason, *reasons.FailureClass, *reasons.ConditionType])
def test_every_reason_is_camel_case(value: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", value)


def test_reasons_are_told_apart() -> None:
    assert len({str(each) for each in reasons.Reason}) == len(reasons.Reason)


def test_two_phases_are_final() -> None:
    assert [each for each in phases.Phase if each.finished] == ["Succeeded", "Failed"]
