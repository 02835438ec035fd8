"""What the API server says to bad input, at apply: models, training and pods that share it."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "a parameter of another model": (
        asked.cnn(cell="gru"),
        "cnn has the parameters channels, hidden, kernel and dropout: remove the others",
    ),
    "a parameter that a recurrent model lacks": (
        builders.training_job().model("lstm", channels=[8]),
        "lstm has the parameters cell, hidden, layers and dropout: remove the others",
    ),
    "heads of a model without attention": (
        builders.training_job().model("cnn-lstm", heads=2),
        "cnn-lstm has the parameters channels, kernel, features, cell, hidden, layers and dropout",
    ),
    "a cell of a model without one": (
        builders.training_job().model("cnn-attention", cell="rnn"),
        "cnn-attention has the parameters channels, hidden, kernel, heads and dropout",
    ),
    "heads that do not divide the channels": (
        builders.training_job().model("cnn-attention", channels=[8, 12], heads=5),
        "heads must divide the last of channels",
    ),
    "channels that four heads do not divide": (
        builders.training_job().model("cnn-attention", channels=[6]),
        "heads must divide the last of channels",
    ),
    "an unknown cell": (builders.training_job().model("lstm", cell="s4"), 'value: "s4"'),
    "momentum of an optimiser without one": (
        asked.cnn().training(optimizer={"name": "adamw", "momentum": 0.5}),
        "momentum is of sgd and rmsprop",
    ),
    "gamma of another loss": (
        asked.cnn().training(loss={"gamma": 1}),
        "gamma is of the focal loss",
    ),
    "an accuracy above one": (
        asked.cnn().training(target={"value": 95}),
        "target.value of an accuracy is a share, 0 to 1",
    ),
    "a target without a value": (asked.cnn().training(target={"metric": "loss"}), "target.value"),
    "an unknown precision": (asked.cnn().training(precision="fp8"), 'Unsupported value: "fp8"'),
    "a norm of zero": (asked.cnn().training(optimizer={"clipNorm": 0}), "clipNorm"),
    "no pods": (asked.cnn().replicas(0), "spec.replicas"),
    "too many pods": (asked.cnn().replicas(257), "spec.replicas"),
    "no processes": (asked.cnn().replicas(1, processes=0), "spec.processesPerReplica"),
    "a number of processes that is none": (
        asked.cnn().spec(processesPerReplica="all"),
        "spec.processesPerReplica",
    ),
    "processes of a command": (
        builders.training_job().command("x").replicas(2, processes=2),
        "command is started once in each pod: remove processesPerReplica",
    ),
    "a batch that pods can't share": (
        asked.cnn().training(batchSize=63).replicas(2),
        "make it a multiple of replicas x processesPerReplica",
    ),
    "a default batch that processes can't share": (
        asked.cnn().spec(replicas=1, processesPerReplica="3"),
        "make it a multiple of replicas x processesPerReplica",
    ),
    "no epochs": (asked.cnn().epochs(0), "should be greater than or equal to 1"),
    "epochs and steps": (
        asked.cnn().training(epochs=3, maxSteps=4),
        "give training.epochs or training.maxSteps, not both",
    ),
    "no batch": (asked.cnn().training(batchSize=0), "training.batchSize"),
    "a learning rate of zero": (
        asked.cnn().training(optimizer={"learningRate": 0}),
        "learningRate",
    ),
    "an unknown optimiser": (asked.cnn().training(optimizer={"name": "lion"}), '"lion"'),
    "an even kernel": (asked.cnn(kernel=4), "kernel must be odd"),
    "no channels": (asked.cnn(channels=[]), "channels"),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
