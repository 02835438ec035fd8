from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import errors, schema, train

FIELDS = [
    "framework model data training name params channels hidden kernel dropout preprocess resize",
    "normalize split validation seed epochs maxSteps batchSize optimizer learningRate loss",
    "weightDecay schedule warmupSteps labelSmoothing momentum clipNorm gamma classWeights target",
    "metric value precision compile checkpoint everySeconds keep resume from heads cell layers",
    "features augment frames stride folder path layout uri label samples maxCorrupt cacheBytes",
]
names = st.sampled_from(" ".join(FIELDS).split()) | st.text(max_size=5) | st.integers()
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["cnn", "lstm", "digits", "adamw", "pytorch", "standard", "images"])
)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_whatever_a_spec_says_it_is_read_or_refused(document: Any) -> None:
    try:
        spec = schema.read(document)
    except errors.ConfigurationError:
        return
    assert type(spec.model.params) is schema.PARAMS[spec.model.name]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"training": {"epochs": 0}}, "spec.training.epochs must be at least 1"),
        ({"training": {"batchSize": -1}}, "spec.training.batchSize must be at least 1"),
        ({"training": {"optimizer": {"learningRate": 0}}}, "more than 0 and at most 10"),
        ({"training": {"optimizer": {"learningRate": float("nan")}}}, "more than 0"),
        ({"training": {"optimizer": {"name": "lion"}}}, "must be adamw or adam or sgd"),
        ({"training": {"optimizer": {"schedule": "step"}}}, "cosine or linear or constant"),
        ({"training": {"loss": {"name": "mse"}}}, "spec.training.loss.name must be crossEntropy"),
        ({"training": {"loss": {"gamma": -1}}}, "spec.training.loss.gamma must be at least 0"),
        ({"training": {"epochs": 1, "maxSteps": 1}}, "spec.training must have epochs or maxSteps"),
        ({"training": {"target": {}}}, "spec.training.target must have value"),
        ({"training": {"target": {"value": 95}}}, "target.value must be a share, 0 to 1"),
        ({"training": {"precision": "fp8"}}, "must be auto or fp32 or bf16 or fp16"),
        ({"model": {"name": "gpt"}}, "spec.model.name must be cnn or cnn-attention or lstm"),
        ({"model": {"params": {"cell": "gru"}}}, "spec.model.params has unknown fields: cell"),
        (
            {"model": {"params": {"channels": [8]}, "name": "lstm"}},
            "spec.model.params has unknown fields: channels",
        ),
        ({"model": {"name": "lstm", "params": {"cell": "nas"}}}, "must be lstm or gru or rnn"),
        (
            {"model": {"name": "cnn-attention", "params": {"heads": 3}}},
            "spec.model.params.heads must divide the last of channels, 64",
        ),
        ({"model": {"params": {"kernel": 4}}}, "spec.model.params.kernel must be odd"),
        ({"model": {"params": {"channels": []}}}, "a list of some numbers"),
        ({"model": {"params": {"channels": [8, 0]}}}, "at least 1 and at most 2048"),
        ({"model": {"params": {"dropout": 1.0}}}, "at least 0 and less than 1"),
        ({"data": {"name": "mnist"}}, "spec.data.name must be digits"),
        ({"data": {}}, "spec.data must have one of name, folder and uri, not none"),
        (
            {"data": {"name": "digits", "uri": "s3://b/c", "layout": "npz"}},
            "not name and uri",
        ),
        ({"data": {"uri": "s3://b/c"}}, "spec.data.layout must say what s3://b/c holds"),
        ({"data": {"name": "digits", "layout": "npz"}}, "spec.data.layout is only of uri"),
        ({"data": {"folder": {}}}, "spec.data.folder must have path"),
        ({"data": {"folder": {"path": " "}}}, "a text that is not empty"),
        ({"data": {"preprocess": {"augment": ["hflip", "hflip"]}}}, "each once at most"),
        ({"data": {"preprocess": {"augment": ["zoom"]}}}, "a list of hflip, vflip"),
        ({"data": {"preprocess": {"resize": [8]}}}, "a list of 2 numbers"),
        ({"checkpoint": {"keep": 0}}, "spec.checkpoint.keep must be at least 1"),
        ({"data": {"split": {"validation": 1}}}, "more than 0 and less than 1"),
        ({"framework": "jax"}, "spec.framework must be pytorch or tensorflow"),
        ({"seed": 1}, "unknown fields: seed"),
        ({"model": None}, "spec.model must be an object"),
    ],
    ids=str,
)
def test_a_refusal_names_the_field_and_what_it_must_be(document: Any, said: str) -> None:
    with pytest.raises(errors.ConfigurationError) as raised:
        schema.read(document)

    assert said in str(raised.value)


def test_what_has_no_value_may_be_null() -> None:
    spec = schema.read(
        {
            "training": {"maxSteps": None, "epochs": 3},
            "data": {"name": "digits", "preprocess": {"resize": None}},
            "checkpoint": None,
        }
    )

    assert (spec.training.max_steps, spec.data.preprocess.resize) == (None, None)


@pytest.mark.parametrize("name", schema.PARAMS)
def test_each_model_has_parameters_of_its_own(name: str) -> None:
    spec = schema.read({"model": {"name": name}})

    assert spec.model.params == schema.PARAMS[name]()


def test_all_that_a_spec_may_say_is_read() -> None:
    spec = schema.read(
        {
            "framework": "tensorflow",
            "model": {"params": {"cell": "gru", "channels": [8]}, "name": "cnn-lstm"},
            "data": {
                "uri": "s3://bucket/clips",
                "layout": "videos",
                "maxCorrupt": 3,
                "cacheBytes": 10**9,
                "preprocess": {"augment": ["hflip", "crop"], "frames": 16, "stride": 2},
            },
            "training": {"target": {"value": 0.95}, "loss": {"classWeights": "balanced"}},
            "checkpoint": {"from": "/from", "everySeconds": 60},
        }
    )

    assert isinstance(spec.model.params, schema.CnnLstmParams)
    assert (spec.model.params.cell, spec.model.params.channels) == ("gru", (8,))
    assert spec.data.preprocess.augment == ("hflip", "crop")
    assert spec.training.target == schema.Target(value=0.95, metric="accuracy")
    assert spec.checkpoint == schema.Checkpoint(every_seconds=60, from_="/from")


@pytest.mark.parametrize(
    ("metric", "good", "bad"), [("accuracy", 0.95, 0.94), ("loss", 0.95, 0.96)]
)
def test_a_target_is_a_least_accuracy_or_a_largest_loss(
    metric: str, good: float, bad: float
) -> None:
    target = schema.Target(value=0.95, metric=metric)

    assert (target.reached(good), target.reached(bad)) == (True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--framework", "jax"],
        ["--data", "mnist"],
        ["--model", "gpt"],
        ["--epochs", "0"],
        ["--spec", "/no/such/file"],
    ],
    ids=" ".join,
)
def test_the_command_refuses_what_it_cannot_do(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(arguments) == errors.EXIT_CONFIGURATION
    assert capsys.readouterr().err.startswith("InvalidSpec: ")
