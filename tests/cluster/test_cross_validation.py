"""What the API server says to cross-validations that can't be."""

from typing import Any

import pytest

from tests import builders
from tests.cluster import conftest

KEPT = {"claimName": "kept"}


def folds(number: int = 5, **fields: Any) -> builders.TrainingJobBuilder:
    """Return a cross-validation of the built-in model."""
    return builders.training_job().cnn().folds(number, **fields)


def beside(**evaluation: Any) -> builders.TrainingJobBuilder:
    """Return a cross-validation with another test beside it."""
    return folds().spec(evaluation={"crossValidation": {"folds": 5}, **evaluation})


REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "one fold": (folds(1), "should be greater than or equal to 2"),
    "too many folds": (folds(101), "should be less than or equal to 100"),
    "no folds": (
        folds().spec(evaluation={"crossValidation": {}}),
        "spec.evaluation.crossValidation.folds: Required value",
    ),
    "none at a time": (folds(parallelism=0), "should be greater than or equal to 1"),
    "more at a time than there are": (
        folds(3, parallelism=4),
        "crossValidation.parallelism is how many of the folds train at a time: set it to folds",
    ),
    "several replicas": (
        folds().replicas(2),
        "each fold of evaluation.crossValidation is one process: remove replicas",
    ),
    "several processes": (
        folds().replicas(1, processes=2),
        "each fold of evaluation.crossValidation is one process: remove replicas",
    ),
    "an export": (
        folds().spec(export={"formats": ["onnx"], "volume": KEPT}),
        "remove export, and train once more without crossValidation to export",
    ),
    "a performance test": (
        beside(performance={}),
        "performance times one run, crossValidation trains many beside each other",
    ),
    "a share held out": (
        folds().spec(data={"name": "digits", "split": {"validation": 0.3}}),
        "holds out each of its folds once: remove data.split.validation",
    ),
    "own code": (
        builders.training_job().script().folds(5),
        "evaluation is read by built-in models alone",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_a_cross_validation_that_cant_be_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)


@pytest.mark.parametrize(
    "job",
    [
        folds(2),
        folds(100, parallelism=100),
        folds().replicas(1, processes=1),
        folds().spec(processesPerReplica="auto"),
        folds().spec(checkpoint={"volume": KEPT}),
        beside(visual=True).spec(visualization={"volume": KEPT}),
    ],
    ids=["few", "many", "one process", "auto", "checkpoints", "a report"],
)
def test_a_cross_validation_is_taken(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder
) -> None:
    asked = namespace.apply(job)["spec"]["evaluation"]["crossValidation"]

    assert 1 <= asked["parallelism"] <= asked["folds"]
