"""`spec.data`: the data set of a built-in model, its preparation and its split."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic
from pydantic import alias_generators

from trainshed.api import base, image, volumes

MOUNT = "/data"
"""Where `data.volume` is mounted."""

Side = Annotated[int, pydantic.Field(ge=4, le=1024)]
Path = Annotated[str, pydantic.Field(min_length=2, max_length=1024)]
Uri = Annotated[str, pydantic.Field(max_length=1024, pattern=r"^(s3|gs|https)://[^\s]+$")]


class DataName(enum.StrEnum):
    """The built-in data sets."""

    DIGITS = "digits"
    MOVING_DIGITS = "moving-digits"


class Label(enum.StrEnum):
    """What is to be told of a moving digit."""

    DIRECTION = "direction"
    DIGIT = "digit"


class Layout(enum.StrEnum):
    """How samples and their classes lie in a folder."""

    IMAGES = "images"
    VIDEOS = "videos"
    NPZ = "npz"
    WEBDATASET = "webdataset"


class Normalize(enum.StrEnum):
    """How inputs are normalised."""

    STANDARD = "standard"
    NONE = "none"


class Augment(enum.StrEnum):
    """Random changes of a training sample, anew in each epoch."""

    HFLIP = "hflip"
    VFLIP = "vflip"
    CROP = "crop"
    ROTATE = "rotate"
    NOISE = "noise"


_LAYOUT = "images or videos: one folder a class; npz: arrays; webdataset: tar files."


class Folder(base.Model):
    """A folder of samples on a volume."""

    path: Path = pydantic.Field(
        description="Absolute path: below /data with data.volume, else below a mount of pod.",
        json_schema_extra=base.rules(
            base.rule(
                "self.startsWith('/') && !self.contains('..') && !self.contains('//')",
                "folder.path is an absolute path without '..', such as /data/clips",
            )
        ),
    )
    layout: Layout = pydantic.Field(default=Layout.IMAGES, description=f"What is in it; {_LAYOUT}")


class DataVolume(base.Model):
    """The claim that holds the data."""

    claim_name: base.Name = pydantic.Field(description="Name of the PersistentVolumeClaim.")
    read_only: bool = pydantic.Field(default=True, description="Whether the claim is only read.")


class Preprocess(base.Model):
    """What is done to each input before the model sees it."""

    resize: list[Side] | None = pydantic.Field(
        default=None,
        min_length=2,
        max_length=2,
        description="Height and width in pixels; default: as the data has them.",
    )
    normalize: Normalize = pydantic.Field(
        default=Normalize.STANDARD,
        description="standard: mean 0 and deviation 1 by the statistics of the training split.",
    )
    augment: list[Augment] | None = pydantic.Field(
        default=None,
        max_length=len(Augment),
        description="Random changes of the training samples, anew in each epoch; default none.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    frames: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=1024,
        description="Frames of a clip; default: as the data has them.",
    )
    stride: int = pydantic.Field(
        default=1, ge=1, le=1024, description="Takes every so many-th frame of a clip."
    )


class Split(base.Model):
    """How the data is divided; the classes keep their shares."""

    validation: float | None = pydantic.Field(
        default=None,
        gt=0,
        lt=1,
        description="Share that is held out for evaluation; default 0.2. Without meaning, and so "
        "refused, beside evaluation.crossValidation, which holds out each fold once.",
    )
    seed: int = pydantic.Field(default=0, ge=0, le=2**31 - 1, description="Seed of the division.")


class Data(base.Model):
    """The data set: for a built-in model exactly one of name, folder and uri."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "(has(self.name) && self.name == 'moving-digits')"
                " || (!has(self.label) && !has(self.samples))",
                "label and samples are of moving-digits: remove them, or set name: moving-digits",
            ),
            base.rule(
                "has(self.uri) == has(self.layout)",
                "layout says what lies at uri: give both, or folder with a layout of its own",
            ),
            base.rule(
                "!has(self.uri) || !self.uri.startsWith('https://') || !has(self.layout)"
                " || (self.layout in ['npz', 'webdataset'] && !self.uri.endsWith('/'))",
                "https:// names one file, of layout npz or webdataset: name it, or put a folder"
                " into storage of s3:// or gs://",
            ),
            base.rule(
                "has(self.uri) || (!has(self.secretRef) && !has(self.cacheBytes))",
                "secretRef and cacheBytes are for uri: remove them",
            ),
            base.rule(
                "!has(self.name) || !has(self.maxCorrupt)",
                "maxCorrupt is for samples of folder or uri, all of a built-in set can be read:"
                " remove it",
            ),
            base.rule(
                "!has(self.volume) || (!has(self.name) && !has(self.uri))",
                "volume holds the samples of folder: remove it, or give folder in place of name"
                " or uri",
            ),
        )
    )

    name: DataName | None = pydantic.Field(
        default=None,
        description="A built-in data set. digits: 1,797 scans of 8x8 pixels; moving-digits: clips "
        "of such digits that move over a textured ground.",
    )
    label: Label | None = pydantic.Field(
        default=None,
        description="What the classes of moving-digits are: one of 8 directions (default), or the "
        "digit.",
    )
    samples: int | None = pydantic.Field(
        default=None, ge=16, le=1_000_000, description="Clips of moving-digits; default 2000."
    )
    folder: Folder | None = pydantic.Field(default=None, description="Samples on a volume.")
    volume: DataVolume | None = pydantic.Field(
        default=None,
        description="A claim that is mounted at /data: for folder, or for your own code.",
    )
    uri: Uri | None = pydantic.Field(
        default=None,
        description="Samples in object storage: s3://bucket/clips; also gs://, and https:// for a "
        "single file. They are copied onto the node's disk before the training begins.",
    )
    layout: Layout | None = pydantic.Field(default=None, description=f"What lies at uri; {_LAYOUT}")
    secret_ref: image.SecretName | None = pydantic.Field(
        default=None,
        description="A Secret whose keys become variables, such as AWS_ACCESS_KEY_ID: the "
        "credentials for uri.",
    )
    cache_bytes: base.Quantity | None = pydantic.Field(
        default=None,
        description="How much of the node's disk the set at uri may take: one that takes more ends "
        "the job, before anything is copied. Files and folders count as whole blocks of 4 KiB, so "
        "many small files take more than their bytes. Default: as much as the disk has room for.",
    )
    max_corrupt: int | None = pydantic.Field(
        default=None,
        ge=0,
        le=1_000_000_000,
        description="Samples that can't be read and may be left out; one more ends the job; "
        "default 0.",
    )
    preprocess: Preprocess = pydantic.Field(
        default_factory=Preprocess, description="Preparation of each input."
    )
    split: Split = pydantic.Field(default_factory=Split, description="Division of the data.")


OF_MODELS = tuple(alias_generators.to_camel(name) for name in Data.model_fields if name != "volume")
"""The fields that only built-in models read."""
MOUNTED = volumes.free(
    "has(self.data) && has(self.data.volume)", MOUNT, "data.volume is mounted at /data"
)
