"""What the API server says to bad input, at apply: data."""

import pytest

from tests import builders
from tests.cluster import asked, conftest

ONE_SET = "data of a built-in model needs exactly one of name (built in), folder"
FITS = "digits are images, for cnn and cnn-attention; moving-digits are clips"
ABSOLUTE = "folder.path is an absolute path without '..'"
ON_A_VOLUME = "data.folder.path must be on a volume"
REFUSED: dict[str, tuple[builders.TrainingJobBuilder, str]] = {
    "corrupt samples of a built-in set": (
        asked.data(name="moving-digits", maxCorrupt=1),
        "maxCorrupt is for samples of folder or uri",
    ),
    "two data sets": (asked.data(name="digits", folder={"path": "/data/clips"}), ONE_SET),
    "no data set": (asked.data(maxCorrupt=3), ONE_SET),
    "clips for a model of images": (asked.cnn().spec(data={"name": "moving-digits"}), FITS),
    "images for a model of clips": (
        builders.training_job().model("lstm").spec(data={"name": "digits"}),
        FITS,
    ),
    "videos for a model of images": (
        asked.cnn().spec(
            data={"folder": {"path": "/data", "layout": "videos"}, "volume": asked.CLIPS}
        ),
        "layout images is for cnn and cnn-attention, layout videos for lstm and cnn-lstm",
    ),
    "images in object storage for a model of clips": (
        builders.training_job()
        .model("cnn-lstm")
        .spec(data={"uri": "s3://bucket/x", "layout": "images"}),
        "layout images is for cnn and cnn-attention, layout videos for lstm and cnn-lstm",
    ),
    "a label of scans": (
        asked.data(name="digits", label="digit"),
        "label and samples are of moving",
    ),
    "samples of a folder": (
        asked.data(folder={"path": "/data/x"}, volume=asked.CLIPS, samples=100),
        "label and samples are of moving",
    ),
    "too few samples": (asked.data(name="moving-digits", samples=4), "data.samples"),
    "an unknown label": (
        asked.data(name="moving-digits", label="speed"),
        'Unsupported value: "speed"',
    ),
    "a relative folder": (asked.data(folder={"path": "data/clips"}, volume=asked.CLIPS), ABSOLUTE),
    "a folder that goes up": (
        asked.data(folder={"path": "/data/../etc"}, volume=asked.CLIPS),
        ABSOLUTE,
    ),
    "a folder without a volume": (asked.data(folder={"path": "/data/clips"}), ON_A_VOLUME),
    "a folder beside the volume": (
        asked.data(folder={"path": "/database"}, volume=asked.CLIPS),
        ON_A_VOLUME,
    ),
    "a folder beside the mounts": (
        asked.mount("/clips").spec(data={"folder": {"path": "/clips2/a"}}),
        ON_A_VOLUME,
    ),
    "a volume for a built-in set": (
        asked.data(name="digits", volume=asked.CLIPS),
        "volume holds the samples",
    ),
    "a mount where the data is": (
        asked.mount("/data/").spec(data={"folder": {"path": "/data/x"}, "volume": asked.CLIPS}),
        "data.volume is mounted at /data: mount your own volume elsewhere",
    ),
    "a URI without a layout": (asked.data(uri="s3://bucket/clips"), "layout says what lies at uri"),
    "a layout without a URI": (
        asked.data(name="digits", layout="npz"),
        "layout says what lies at uri",
    ),
    "a URI that is a path": (asked.data(uri="/data/clips", layout="npz"), "data.uri"),
    "folders of images at a web server": (
        asked.data(uri="https://example.com/flowers", layout="images"),
        "https:// names one file, of layout npz or webdataset",
    ),
    "a folder of shards at a web server": (
        asked.data(uri="https://example.com/shards/", layout="webdataset"),
        "https:// names one file, of layout npz or webdataset",
    ),
    "credentials for a built-in set": (
        asked.data(name="digits", secretRef={"name": "keys"}),
        "secretRef and cacheBytes are for uri",
    ),
    "a cache for a built-in set": (
        asked.data(name="digits", cacheBytes="1Gi"),
        "secretRef and cacheBytes are for uri",
    ),
    "an augmentation twice": (
        asked.data(name="digits", preprocess={"augment": ["crop", "crop"]}),
        'Duplicate value: "crop"',
    ),
    "no frames": (asked.data(name="moving-digits", preprocess={"frames": 0}), "preprocess.frames"),
    "one side to resize to": (
        asked.cnn().spec(data={"name": "digits", "preprocess": {"resize": [8]}}),
        "resize",
    ),
    "all data held out": (
        asked.cnn().spec(data={"name": "digits", "split": {"validation": 1}}),
        "split.validation",
    ),
}


@pytest.mark.parametrize(("job", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_bad_input_is_refused_with_a_sentence(
    namespace: conftest.Namespace, job: builders.TrainingJobBuilder, sentence: str
) -> None:
    assert sentence in namespace.refusal(job)
