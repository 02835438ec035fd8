"""A built-in model trains on files of a volume, such as another job has written."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e import conftest, pictures, volumes

WRITER = """
import pathlib
import av
import numpy as np
from trainshed_trainer import schema
from trainshed_trainer.data import moving

clips = moving.read(samples=64, label="direction", seed=0, frames=8, stride=1)
for number, label in enumerate(clips.labels):
    clip = (clips.load(number) * 255).astype(np.uint8)
    folder = pathlib.Path("/data/clips", clips.classes[label])
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(folder / f"{number:03d}.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for frame in clip[:, 0]:
            shown = av.VideoFrame.from_ndarray(np.stack([frame] * 3, -1), format="rgb24")
            for packet in stream.encode(shown):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
print("written")
"""


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_a_model_trains_on_encoded_videos_of_a_volume(
    namespace: conftest.Namespace, info: conftest.Body, framework: str
) -> None:
    with volumes.claim(namespace, info, "clips") as folder:
        mounts = {
            "volumes": [{"name": "clips", "persistentVolumeClaim": {"claimName": "clips"}}],
            "volumeMounts": [{"name": "clips", "mountPath": "/data"}],
        }
        namespace.apply("writer", conftest.script(WRITER, pod=mounts))
        written = namespace.finished("writer", seconds=300)
        assert written["phase"] == "Succeeded", written
        assert len(list(folder.glob("clips/*/*.mp4"))) == 64

        namespace.apply("videos", trained_on(framework, "/data/clips"))
        status = namespace.finished("videos", seconds=300)

    assert status["phase"] == "Succeeded", status
    # A quarter of each class is held out, to a whole number of clips.
    assert status["result"]["samples"] == pytest.approx(2 * 48, abs=8)


def test_models_train_on_arrays_and_on_shards_of_a_volume(
    namespace: conftest.Namespace, info: conftest.Body
) -> None:
    with volumes.claim(namespace, info, "sets") as folder:
        pixels, labels = pictures.drawn(96)
        np.savez(folder / "set.npz", images=pixels, labels=labels)
        pictures.write_shard(folder / "shards/0.tar", broken=1)
        pictures.write_shard(folder / "shards/1.tar")
        namespace.apply("arrays", shown("pytorch", "/data/set.npz", "npz"))
        namespace.apply("shards", shown("tensorflow", "/data/shards", "webdataset"))
        arrays = namespace.finished("arrays", seconds=300)
        shards = namespace.finished("shards", seconds=300)

    for status, samples in ((arrays, 96), (shards, 47)):
        assert status["phase"] == "Succeeded", status
        assert status["result"]["accuracy"] > 0.9
        assert status["result"]["samples"] == pytest.approx(EPOCHS * 0.75 * samples, abs=EPOCHS)
    assert shards["result"]["corruptSamples"] == 1
    assert "corruptSamples" not in arrays["result"]


EPOCHS = 10


def shown(framework: str, path: str, layout: str) -> conftest.Body:
    """Return the spec of a small cnn on pictures, of which two may be broken."""
    return {
        **conftest.cnn(epochs=EPOCHS, batchSize=12),
        "framework": framework,
        "data": {
            "folder": {"path": path, "layout": layout},
            "volume": {"claimName": "sets"},
            "split": {"validation": 0.25},
            "maxCorrupt": 2,
        },
    }


def trained_on(framework: str, path: str) -> conftest.Body:
    """Return the spec of a small cnn-lstm on a folder of videos."""
    params = {"channels": [8], "features": 16, "hidden": 16}
    return {
        "framework": framework,
        "model": {"name": "cnn-lstm", "params": params},
        "data": {
            "folder": {"path": path, "layout": "videos"},
            "volume": {"claimName": "clips"},
            "preprocess": {"frames": 8},
            "split": {"validation": 0.25},
        },
        "training": {"epochs": 2, "batchSize": 16},
    }
