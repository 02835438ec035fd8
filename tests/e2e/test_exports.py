"""Trained models are exported, tested and reported; the files are read by what serves them."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hack import apiserver
from tests.e2e import conftest, volumes

FORMATS = {"pytorch": ["torchscript", "onnx"], "tensorflow": ["savedmodel", "onnx"]}
PEAK = 1e12
SECONDS = 300
"""A first pod pulls its framework's image."""
READER = """
import json, os, pathlib
import numpy as np
from trainshed_trainer import schema
from trainshed_trainer.data import preparing

asked = schema.read({"data": {"name": "digits", "preprocess": {"normalize": "none"}}}).data
held = preparing.prepare(asked, folds=None).held
pixels = held.batch(np.arange(len(held.labels)), epoch=0)

def onnx(folder, inputs):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    return session.run(["logits"], {"inputs": inputs})[0]

def torchscript(folder, inputs):
    import torch
    return torch.jit.load(str(folder / "model.pt"))(torch.from_numpy(inputs)).detach().numpy()

def savedmodel(folder, inputs):
    import tensorflow as tf
    loaded = tf.saved_model.load(str(folder))
    return loaded.signatures["serving_default"](inputs=tf.constant(inputs))["logits"].numpy()

found = {}
params = json.loads(pathlib.Path(os.environ["TRAINSHED_PARAMS_FILE"]).read_text())
for name, path in params.items():
    folder = pathlib.Path("/models", path)
    words = json.loads((folder / "preprocessing.json").read_text())
    first = words["input"]["layout"].index("C")
    inputs = np.ascontiguousarray(np.moveaxis(pixels, 1, first))
    said = globals()[name](folder, inputs).argmax(1)
    classes = np.array(words["output"]["classes"]).astype(int)
    found[name] = float((classes[said] == held.labels).mean())
pathlib.Path("/models/accuracies.json").write_text(json.dumps(found))
"""


@dataclass(frozen=True)
class Exported:
    """A job that has exported its model. `folder`: its claim on this machine."""

    framework: str
    status: conftest.Body
    namespace: conftest.Namespace
    folder: pathlib.Path


@pytest.fixture(scope="module", params=list(FORMATS))
def exported(
    api: apiserver.ApiServer, info: conftest.Body, request: pytest.FixtureRequest
) -> Iterator[Exported]:
    """Return a job of each framework that has ended."""
    namespace = conftest.create_namespace(api)
    with volumes.claim(namespace, info, "models") as folder:
        namespace.apply("digits", asked(request.param))
        status = namespace.finished("digits", seconds=SECONDS)
        yield Exported(request.param, status, namespace, folder)
    namespace.delete()


def asked(framework: str) -> conftest.Body:
    """Return the spec of a job that is tested, exported and reported."""
    claim = {"volume": {"claimName": "models"}}
    return {
        **conftest.cnn(epochs=6, batchSize=32),
        "framework": framework,
        "evaluation": {"performance": {"warmupSteps": 3, "steps": 20}, "visual": True},
        "export": {"formats": FORMATS[framework], "benchmark": True, **claim},
        "visualization": {
            **claim,
            "tensorboard": {"enabled": True},
            "profile": {"atStep": 20, "steps": 3},
        },
        "pod": {"env": [{"name": "TRAINSHED_PEAK_FLOPS", "value": f"{PEAK:g}"}]},
    }


def test_each_format_is_written_compared_and_timed(exported: Exported) -> None:
    assert exported.status["phase"] == "Succeeded", exported.status
    exports = exported.status["artifacts"]["exports"]
    assert [each["format"] for each in exports] == FORMATS[exported.framework]
    for each in exports:
        assert each["path"] == f"{exported.namespace.name}/digits/{each['format']}"
        assert each["bytes"] == size(exported.folder / each["path"])
        assert 0 <= each["maxDifference"] < 1e-3
        assert each["latencySeconds"]["samples"] == 1
        assert each["batchLatencySeconds"]["samples"] == 32
        assert 0 < each["latencySeconds"]["p50"] <= each["latencySeconds"]["p95"]


def test_the_performance_test_is_in_the_status(exported: Exported) -> None:
    found = exported.status["performance"]

    assert found["steps"] == 20
    assert 0 < found["stepSeconds"]["p50"] <= found["stepSeconds"]["p95"]
    assert found["samplesPerSecond"] > 0
    assert 0 <= found["dataWaitRatio"] <= 1
    assert min(found["parameters"], found["forwardFlops"]) > 1000
    operations = found["samplesPerSecond"] * 3 * found["forwardFlops"]
    assert found["mfu"] == pytest.approx(operations / PEAK, rel=0.01)


def test_the_report_shows_what_the_model_says(exported: Exported) -> None:
    path = exported.status["artifacts"]["report"]

    assert path == f"{exported.namespace.name}/digits/report.html"
    text = (exported.folder / path).read_text(encoding="utf-8")
    assert len(text) < 1_000_000
    for word in ("Confusion", "Samples", *FORMATS[exported.framework]):
        assert word in text


def test_traces_and_the_files_of_tensorboard_lie_beside_the_report(exported: Exported) -> None:
    own = exported.folder / exported.namespace.name / "digits"

    paths = exported.status["artifacts"]["traces"]

    assert paths
    assert all(path.startswith(f"{exported.namespace.name}/digits/traces/") for path in paths)
    assert min((exported.folder / path).stat().st_size for path in paths) > 0
    assert [each.stat().st_size > 1000 for each in (own / "tensorboard").iterdir()] == [True]


def test_the_files_are_read_without_the_model_that_was_trained(exported: Exported) -> None:
    mounts = {
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
    }
    paths = {each["format"]: each["path"] for each in exported.status["artifacts"]["exports"]}
    reader = conftest.script(READER, params=paths, pod=mounts)
    exported.namespace.apply("reader", {**reader, "framework": exported.framework})

    read = exported.namespace.finished("reader", seconds=SECONDS)

    assert read["phase"] == "Succeeded", read
    found = json.loads((exported.folder / "accuracies.json").read_text(encoding="utf-8"))
    accuracy = exported.status["result"]["accuracy"]
    assert accuracy > 0.8
    # A logit that is nearly another one may fall to either side: one sample of 359.
    assert found == pytest.approx(dict.fromkeys(FORMATS[exported.framework], accuracy), abs=1 / 300)


def test_a_folder_that_can_not_be_written_to_is_told_of_before_the_training(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "models") as folder:
        # As the kubelet leaves a volume, so that it does not look below: there, a folder of root's.
        os.chown(folder, 0, 1000)
        folder.chmod(0o2775)
        (folder / namespace.name / "digits").mkdir(mode=0o755, parents=True)
        export = {"formats": ["onnx"], "volume": {"claimName": "models"}}
        namespace.apply("digits", {**conftest.cnn(), "export": export})

        status = namespace.finished("digits", seconds=SECONDS)

    failed = conftest.condition(status, "Failed")
    assert failed is not None, status
    assert failed["reason"] == "ExportNotWritten"
    assert "export.volume" in failed["message"]
    assert status["failure"]["class"] == "Data"
    assert "a volume" in status["failure"]["advice"]
    assert "result" not in status


def test_a_full_volume_is_told_of_and_holds_no_half_of_a_file(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "models", kilobytes=8) as folder:
        export = {"formats": ["torchscript", "onnx"], "volume": {"claimName": "models"}}
        namespace.apply("digits", {**conftest.cnn(epochs=1), "export": export})

        status = namespace.finished("digits", seconds=SECONDS)
        left = [each.name for each in (folder / namespace.name / "digits").iterdir()]

    failed = conftest.condition(status, "Failed")
    assert failed is not None, status
    assert failed["reason"] == "ExportNotWritten"
    assert "No space left on device" in failed["message"]
    assert status["failure"]["class"] == "Data"
    assert left == []
    assert "artifacts" not in status


def size(folder: pathlib.Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
