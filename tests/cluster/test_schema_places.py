"""What the API server says to bad input, at apply: checkpoints, exports and what is looked at."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

ONE_PLACE = "checkpoint needs exactly one of volume (a claim) and uri (object storage)"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "checkpoints nowhere": (asked.cnn().spec(checkpoint={"keep": 2}), ONE_PLACE),
    "checkpoints in two places": (
        asked.cnn().spec(checkpoint={"volume": asked.KEPT, "uri": "s3://bucket/kept"}),
        ONE_PLACE,
    ),
    "checkpoints at a path": (asked.cnn().spec(checkpoint={"uri": "/kept"}), "checkpoint.uri"),
    "checkpoints at a place with a slash": (
        asked.cnn().spec(checkpoint={"uri": "s3://bucket/kept/"}),
        "checkpoint.uri",
    ),
    "credentials for a claim": (
        asked.cnn().spec(checkpoint={"volume": asked.KEPT, "secretRef": {"name": "keys"}}),
        "checkpoint.secretRef is for uri",
    ),
    "two Secrets for object storage": (
        asked.data(uri="s3://clips", layout="npz", secretRef={"name": "read"}).spec(
            checkpoint={"uri": "s3://kept", "secretRef": {"name": "write"}}
        ),
        "put both buckets' credentials into one Secret that serves both",
    ),
    "no checkpoints kept": (
        asked.cnn().spec(checkpoint={"volume": asked.KEPT, "keep": 0}),
        "checkpoint.keep",
    ),
    "a mount where the checkpoints are": (
        asked.mount("/checkpoints").spec(checkpoint={"volume": asked.KEPT}),
        "checkpoint.volume is mounted at /checkpoints: mount your own volume elsewhere",
    ),
    "how often own code writes checkpoints": (
        builders.training_job()
        .script()
        .spec(checkpoint={"volume": asked.KEPT, "everySeconds": 60}),
        "your own code writes its checkpoints itself",
    ),
    "a job whose name is none to start from": (
        asked.cnn().spec(checkpoint={"volume": asked.KEPT, "from": {"job": "../other"}}),
        "checkpoint.from.job",
    ),
    "a SavedModel of PyTorch": (
        asked.export("onnx", "savedmodel"),
        "pytorch writes torchscript and onnx: remove the others from export.formats",
    ),
    "TorchScript of TensorFlow": (
        asked.export("torchscript").tensorflow(),
        "tensorflow writes savedmodel and onnx: remove the others from export.formats",
    ),
    "an export of nothing": (asked.export(), "export.formats"),
    "a format twice": (asked.export("onnx", "onnx"), 'Duplicate value: "onnx"'),
    "an unknown format": (asked.export("pickle"), 'Unsupported value: "pickle"'),
    "an export to nowhere": (
        asked.cnn().spec(export={"formats": ["onnx"]}),
        "spec.export.volume: Required value",
    ),
    "an export of own code": (
        builders.training_job().script().spec(export={"formats": ["onnx"], "volume": asked.MODELS}),
        "export is read by built-in models alone",
    ),
    "tests of own code": (
        builders.training_job().command("x").spec(evaluation={"performance": {}}),
        "evaluation is read by built-in models alone",
    ),
    "a test of no steps": (
        asked.cnn().spec(evaluation={"performance": {"steps": 0}}),
        "evaluation.performance.steps",
    ),
    "something to look at, and nowhere to show it": (
        asked.cnn().spec(evaluation={"visual": True}),
        "evaluation.visual is shown in the report: give visualization.volume",
    ),
    "something to show, and no claim for it": (
        asked.cnn().spec(visualization={}),
        "spec.visualization.volume: Required value",
    ),
    "a trace of too many steps": (
        asked.cnn().spec(visualization={"volume": asked.KEPT, "profile": {"steps": 101}}),
        "visualization.profile.steps",
    ),
    "a trace of own code": (
        builders.training_job().script().spec(visualization={"volume": asked.KEPT, "profile": {}}),
        "of visualization only volume is for it",
    ),
    "TensorBoard's files of own code": (
        builders.training_job()
        .command("x")
        .spec(visualization={"volume": asked.KEPT, "tensorboard": {"enabled": True}}),
        "of visualization only volume is for it",
    ),
    "a mount where the exports are": (
        asked.mount("/exports").spec(export={"formats": ["onnx"], "volume": asked.MODELS}),
        "export.volume is mounted at /exports: mount your own volume elsewhere",
    ),
    "a mount where the report is": (
        asked.mount("/artifacts").spec(visualization={"volume": asked.KEPT}),
        "visualization.volume is mounted at /artifacts: mount your own volume elsewhere",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
