"""Checkpoints of other runs: only the same run goes on."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from images.trainer.tests import keepers
from trainshed_trainer import errors
from trainshed_trainer.training import checkpoints


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"model": {"name": "lstm"}}, 'model.name is "cnn" there and "lstm" here'),
        ({"model": {"params": {"hidden": 64}}}, "model.params is"),
        ({"framework": "tensorflow"}, 'framework is "pytorch" there and "tensorflow" here'),
        ({"training": {"batchSize": 32}}, "training.batchSize is 64 there and 32 here"),
        ({"training": {"optimizer": {"name": "sgd"}}}, "training.optimizer.name is"),
        ({"training": {"optimizer": {"learningRate": 1}}}, "optimizer.learningRate is 0.002 there"),
        ({"training": {"optimizer": {"clipNorm": 1}}}, "training.optimizer.clipNorm is null there"),
        ({"training": {"loss": {"name": "focal"}}}, 'training.loss.name is "crossEntropy" there'),
        ({"training": {"precision": "bf16"}}, 'training.precision is "auto" there and "bf16" here'),
        (keepers.data(split={"seed": 1}), "data.split.seed is 0 there and 1"),
        (
            keepers.data(split={"validation": 0.3}),
            "data.split.validation is 0.2 there and 0.3 here",
        ),
        (
            keepers.data(preprocess={"resize": [16, 16]}),
            "data.preprocess.resize is null there and ",
        ),
        (
            keepers.data(preprocess={"normalize": "none"}),
            'data.preprocess.normalize is "standard" there',
        ),
        (keepers.data(preprocess={"augment": ["crop"]}), "data.preprocess.augment is "),
        (
            keepers.FOLDER,
            'data.name is "digits" there and null here; data.folder.path is null there',
        ),
    ],
    ids=str,
)
def test_one_of_another_run_is_refused(
    tmp_path: pathlib.Path, spec: dict[str, Any], said: str
) -> None:
    keepers.written(tmp_path, 7)

    with pytest.raises(errors.CheckpointError, match=said) as raised:
        keepers.keeper(tmp_path, of=keepers.identity(**spec)).resume()

    assert raised.value.reason == "CheckpointMismatch"


def test_the_same_samples_from_another_folder_are_another_run(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, of=keepers.identity(**keepers.FOLDER))
    other = {"data": {"folder": {"path": "/data/tulips"}}}

    said = 'data.folder.path is "/data/roses" there and "/data/tulips" here: name another place'
    with pytest.raises(errors.CheckpointError, match=said):
        keepers.keeper(tmp_path, of=keepers.identity(**other)).resume()


def test_as_many_samples_of_other_pixels_are_another_run(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, of=keepers.measured(0.3))

    said = r"the mean of the pixels is \[0\.3\] there and \[0\.31\] here"
    with pytest.raises(errors.CheckpointError, match=said) as raised:
        keepers.keeper(tmp_path, of=keepers.measured(0.31)).resume()

    assert raised.value.reason == "CheckpointMismatch"


def test_another_machine_may_measure_other_last_digits(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path, 7, of=keepers.measured(0.3, 0.2))

    again = keepers.measured(0.3000001, 0.2000001)
    assert again.values != keepers.measured(0.3, 0.2).values
    assert keepers.keeper(tmp_path, of=again).resume() is not None


@pytest.mark.parametrize("found", [None, "0.3", ["0.3"], [], [0.3, 0.3], [None]], ids=str)
def test_what_was_not_measured_so_is_another_run(found: Any) -> None:
    own = keepers.measured(0.3)
    other = {**own.values, "the mean of the pixels": found}

    assert len(own.differences(other, weights_only=False)) == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"training": {"maxSteps": 9}},
        {"training": {"target": {"value": 0.9}}},
        {"training": {"compile": "always"}},
        {"checkpoint": {"keep": 5, "everySeconds": 1}},
        {"visualization": {"tensorboard": {"enabled": True}}},
        keepers.data(maxCorrupt=3, cacheBytes=10),
    ],
    ids=str,
)
def test_what_makes_no_other_run_may_change(tmp_path: pathlib.Path, spec: dict[str, Any]) -> None:
    keepers.written(tmp_path, 7)

    assert keepers.keeper(tmp_path, of=keepers.identity(**spec)).resume() is not None


@pytest.mark.parametrize(
    "spec",
    [
        {"training": {"batchSize": 32, "optimizer": {"learningRate": 1e-4}}},
        {"training": {"loss": {"name": "focal"}}},
        keepers.FOLDER,
        keepers.data(preprocess={"augment": ["crop"]}),
    ],
    ids=str,
)
def test_another_run_begins_with_the_weights_alone(
    tmp_path: pathlib.Path, spec: dict[str, Any]
) -> None:
    keepers.written(tmp_path / "one", 7, 12)

    asked = {"of": keepers.identity(**spec), "from": str(tmp_path / "one")}
    found = keepers.keeper(tmp_path / "two", **asked).resume()
    assert found == checkpoints.Resumed(0, 0.0, {"model": keepers.STATE["model"]})


def test_the_weights_begin_on_other_pixels_that_are_measured_anew(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path / "one", 7, of=keepers.measured(0.3))

    asked = {"of": keepers.measured(0.8), "from": str(tmp_path / "one")}
    assert keepers.keeper(tmp_path / "two", **asked).resume() is not None


def test_its_own_checkpoints_win_over_those_of_another_run(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path / "one", 7)
    keepers.written(tmp_path / "two", 9)

    found = keepers.keeper(tmp_path / "two", **{"from": str(tmp_path / "one")}).resume()

    assert found == checkpoints.Resumed(9, 0.9, keepers.STATE)


def test_weights_of_another_model_are_refused(tmp_path: pathlib.Path) -> None:
    keepers.written(tmp_path / "one", 7)

    asked = {"from": str(tmp_path / "one")}
    with pytest.raises(errors.CheckpointError, match=r"another place in checkpoint\.from"):
        keepers.keeper(
            tmp_path / "two", of=keepers.identity(model={"name": "lstm"}), **asked
        ).resume()


def test_a_place_without_checkpoints_is_nothing_to_begin_with(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.CheckpointError, match="there is no checkpoint in") as raised:
        keepers.keeper(tmp_path, **{"from": str(tmp_path / "nowhere")}).resume()

    assert raised.value.reason == "CheckpointNotFound"


def test_without_a_place_nothing_can_be_kept() -> None:
    with pytest.raises(errors.ConfigurationError, match="TRAINSHED_CHECKPOINT_DIR"):
        keepers.keeper("")
