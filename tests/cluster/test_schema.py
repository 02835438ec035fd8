"""What the API server says to bad input, at apply: what is trained, and by which library."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

ONE_OF = "give exactly one of model (built in), source (your code) and command"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "an unknown field": (asked.cnn().spec(modell={}), 'unknown field "spec.modell"'),
    "an unknown parameter of a model": (
        asked.cnn(widht=2),
        'unknown field "spec.model.params.widht"',
    ),
    "an unknown framework": (asked.cnn().spec(framework="caffe"), 'Unsupported value: "caffe"'),
    "an unknown model": (asked.cnn().spec(model={"name": "gpt"}), 'Unsupported value: "gpt"'),
    "an unknown data set": (asked.cnn().spec(data={"name": "mnist"}), 'Unsupported value: "mnist"'),
    "no framework": (asked.cnn().spec(framework=None), "spec.framework: Required value"),
    "model and source": (asked.cnn().spec(source={"inline": {"files": {"train.py": ""}}}), ONE_OF),
    "model and command": (asked.cnn().spec(command=["x"], image={"ref": "own:1"}), ONE_OF),
    "nothing to train": (builders.training_job(), ONE_OF),
    "a built-in model of another library": (
        asked.cnn().custom(),
        "framework custom has no built-in models: give source or command",
    ),
    "a source of another library without a base": (
        builders.training_job().custom().script(),
        "framework custom has no default base: give image.base",
    ),
    "a model without data": (asked.cnn().spec(data=None), "a built-in model needs data"),
    "params for a model": (asked.cnn().spec(params={"a": 1}), "a built-in model has model.params"),
    "training for own code": (
        builders.training_job().script().epochs(3),
        "training is read by built-in models alone",
    ),
    "data for own code": (
        builders.training_job().script().spec(data={"name": "digits"}),
        "hand values to your code by params",
    ),
    "a volume and more for own code": (
        builders.training_job()
        .script()
        .spec(data={"volume": {"claimName": "clips"}, "maxCorrupt": 1}),
        "of data only volume, mounted at /data, is for it",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)


@pytest.mark.parametrize(
    "name", ["dot.ted", "a" * 51, "1st"], ids=["dotted", "over-long", "starts with a digit"]
)
def test_a_name_that_pods_cant_have_is_refused(namespace: conftest.Namespace, name: str) -> None:
    assert "metadata.name must be lower-case letters" in namespace.refusal(asked.cnn(), name=name)
