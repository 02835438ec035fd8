"""`data`: the data set of a run, its preparation and its split."""

from __future__ import annotations

from dataclasses import dataclass, field

from trainshed_trainer import limits

LAYOUTS = ("images", "videos", "npz", "webdataset")
SOURCES = ("name", "folder", "uri")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of samples that is mounted into the pod."""

    path: str = limits.text()
    layout: str = limits.one_of(*LAYOUTS)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Preparation of each input.

    `resize`: height and width in pixels. `augment`: of the training split alone. `frames`: how
    many a clip has, each `stride`-th of the file; None takes the clips as they are.
    """

    resize: tuple[int, ...] | None = limits.limited(None, at_least=4, at_most=1024, entries=2)
    normalize: str = limits.one_of("standard", "none")
    augment: tuple[str, ...] = limits.some_of("hflip", "vflip", "crop", "rotate", "noise")
    frames: int | None = limits.limited(None, at_least=1, at_most=1024)
    stride: int = limits.limited(1, at_least=1, at_most=1024)


@dataclass(frozen=True, slots=True)
class Split:
    """Division of the data. `validation`: the share that is held out."""

    validation: float = limits.limited(0.2, above=0, below=1)
    seed: int = limits.limited(0, at_least=0, at_most=limits.LARGEST_SEED)


@dataclass(frozen=True, slots=True)
class Data:
    """The data set: exactly one of name, folder and uri (with its layout).

    `label` and `samples` are of moving-digits. `max_corrupt`: how many samples may be left out
    because they can't be read. `cache_bytes`: what of `uri` is kept on the node's disk at once.
    """

    name: str | None = limits.maybe_one_of("digits", "moving-digits")
    folder: Folder | None = None
    uri: str | None = limits.text(None)
    layout: str | None = limits.maybe_one_of(*LAYOUTS)
    label: str = limits.one_of("direction", "digit")
    samples: int = limits.limited(2000, at_least=16, at_most=1_000_000)
    max_corrupt: int = limits.limited(0, at_least=0, at_most=1_000_000_000)
    cache_bytes: int | None = limits.limited(None, at_least=1, at_most=2**62)
    preprocess: Preprocess = field(default_factory=Preprocess)
    split: Split = field(default_factory=Split)

    def conflict(self) -> str:
        """Return what the fields are not together."""
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            return f" must have one of name, folder and uri, not {' and '.join(given) or 'none'}"
        if self.uri is not None and self.layout is None:
            return f".layout must say what {self.uri:.100} holds: {' or '.join(LAYOUTS)}"
        if self.uri is None and self.layout is not None:
            return ".layout is only of uri: a folder has its own"
        return ""
