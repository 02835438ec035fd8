from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import errors, schema, train

FIELDS = [
    "framework model data training name params channels hidden kernel dropout preprocess resize",
    "normalize split validation seed epochs maxSteps batchSize optimizer learningRate loss",
    "weightDecay schedule warmupSteps labelSmoothing",
]
names = st.sampled_from(" ".join(FIELDS).split()) | st.text(max_size=5) | st.integers()
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["cnn", "digits", "adamw", "pytorch", "standard"])
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
    assert spec.model.name == "cnn"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"training": {"epochs": 0}}, "spec.training.epochs must be at least 1"),
        ({"training": {"batchSize": -1}}, "spec.training.batchSize must be at least 1"),
        ({"training": {"optimizer": {"learningRate": 0}}}, "more than 0 and at most 10"),
        ({"training": {"optimizer": {"learningRate": float("nan")}}}, "more than 0"),
        ({"training": {"optimizer": {"name": "lion"}}}, "must be adamw or adam or sgd"),
        ({"training": {"optimizer": {"schedule": "step"}}}, "constant or linear or cosine"),
        ({"training": {"loss": {"name": "mse"}}}, "spec.training.loss.name must be crossEntropy"),
        ({"model": {"name": "lstm"}}, "spec.model.name must be cnn"),
        ({"model": {"params": {"channels": []}}}, "a list of some numbers"),
        ({"model": {"params": {"channels": [8, 0]}}}, "at least 1 and at most 2048"),
        ({"model": {"params": {"dropout": 1.0}}}, "at least 0 and less than 1"),
        ({"data": {"name": "mnist"}}, "spec.data.name must be digits"),
        ({"data": {"preprocess": {"resize": [8]}}}, "a list of 2 numbers"),
        ({"data": {"split": {"validation": 1}}}, "more than 0 and less than 1"),
        ({"framework": "jax"}, "spec.framework must be pytorch"),
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
        {"training": {"maxSteps": None, "epochs": 3}, "data": {"preprocess": {"resize": None}}}
    )

    assert (spec.training.max_steps, spec.data.preprocess.resize) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [["--data", "mnist"], ["--model", "lstm"], ["--epochs", "0"], ["--spec", "/no/such/file"]],
    ids=" ".join,
)
def test_the_command_refuses_what_it_cannot_do(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(arguments) == errors.EXIT_CONFIGURATION
    assert capsys.readouterr().err.startswith("InvalidSpec: ")
