"""WebDataset shards: tar files in which files of one name but for the ending are one sample.

Each shard is indexed once; samples are then read at their place. Nothing is ever extracted.
"""

from __future__ import annotations

import functools
import importlib
import io
import json
import pathlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from trainshed_trainer import errors, schema
from trainshed_trainer.data import arrays, clips, corrupt, folders, images, sources

LABELS = (".cls", ".json")
VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov")
MOST_LABEL_BYTES = 2**16
MOST_INPUT_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a file lies in a shard."""

    shard: pathlib.Path
    at: int
    size: int
    suffix: str

    def read(self, *, most: int) -> bytes:
        """Return the file; raises corrupt.Corrupt where it is not all there, or too large."""
        if self.size > most:
            raise corrupt.Corrupt(f"is larger than {most} bytes")
        with folders.opened(self.shard) as stream:
            stream.seek(self.at)
            content = stream.read(self.size)
        if not content or len(content) < self.size:
            raise corrupt.Corrupt("is empty" if not self.size else "is cut short")
        return content

    def stream(self) -> BinaryIO:
        """Return the file as a stream."""
        return io.BytesIO(self.read(most=MOST_INPUT_BYTES))


@dataclass(slots=True)
class Entry:
    """One sample as the index finds it."""

    title: str
    input: Piece | None = None
    label: Piece | None = None


@dataclass(frozen=True, slots=True)
class Shards:
    """A source whose samples lie in tar files."""

    pieces: tuple[Piece, ...]
    titles: tuple[str, ...]
    labels: sources.Numbers
    classes: tuple[str, ...]
    decoders: Mapping[str, folders.Decode]
    """By the ending of a file."""
    groups: sources.Numbers | None = None

    def title(self, number: int) -> str:
        """Return the shard and a sample's name in it."""
        return self.titles[number]

    def load(self, number: int) -> sources.Sample:
        """Return a sample."""
        piece = self.pieces[number]
        return self.decoders[piece.suffix](piece.stream(), self.titles[number])


def open(path: pathlib.Path, asked: schema.Preprocess, tally: corrupt.Tally) -> sources.Source:
    """Return the samples of the tar file, or of those in the folder, in the order of names."""
    pieces, titles, said = [], [], []
    for file in folders.files(path, ".tar"):
        for entry in _index(file):
            try:
                piece, label = _complete(entry)
            except corrupt.Corrupt as why:
                tally.add(entry.title, why)
                continue
            pieces.append(piece)
            titles.append(entry.title)
            said.append(label)
    if not pieces:
        raise errors.DataError(
            f"the shards in {path} hold no samples: each must be an input"
            f" ({', '.join(sorted(_inputs()))}) and a label ({' or '.join(LABELS)}) of one name",
            reason="NoSamples",
        )
    # Numbers beside texts are names, too.
    whole = all(isinstance(label, int) for label in said)
    found = np.array(said if whole else list(map(str, said)))
    labels, classes = arrays.numbered(found, None, where=str(path))
    return Shards(tuple(pieces), tuple(titles), labels, classes, _decoders(pieces, asked))


def _inputs() -> set[str]:
    return {".npy", *images.SUFFIXES, *VIDEOS}


def _index(path: pathlib.Path) -> Iterator[Entry]:
    """Yield the samples of a shard; links and devices in it are no files, and so left alone."""
    entries: dict[str, Entry] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if member.isreg() and not member.issparse():
                    _note(entries, path, member)
                tar.members = []  # type: ignore[attr-defined]  # it keeps all that it has met
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE).strip(b"\0"):  # the module takes this for the end
                raise tarfile.ReadError("a header in it is broken")
    except (OSError, tarfile.TarError, ValueError, OverflowError) as error:
        raise errors.DataError(
            f"{path} can't be read as a tar file that is not compressed ({error}): write the shard"
            " anew",
            reason="CorruptShard",
        ) from error
    yield from entries.values()


def _note(entries: dict[str, Entry], path: pathlib.Path, member: tarfile.TarInfo) -> None:
    """Add a file to its sample: the name is all before the first dot."""
    folder, _, name = member.name.rpartition("/")
    stem, _, ending = name.partition(".")
    suffix = f".{ending.lower()}"
    if not stem or (suffix not in LABELS and suffix not in _inputs()):
        return
    key = f"{folder}/{stem}" if folder else stem
    entry = entries.setdefault(key, Entry(f"{path.name}/{key}"))
    piece = Piece(path, member.offset_data, member.size, suffix)
    if suffix in LABELS:
        entry.label = entry.label or piece
    else:
        entry.input = entry.input or piece


def _complete(entry: Entry) -> tuple[Piece, int | str]:
    """Return a sample's input and label; raises corrupt.Corrupt where one is missing."""
    if entry.input is None:
        raise corrupt.Corrupt("has no input")
    if entry.label is None:
        raise corrupt.Corrupt("has no label")
    content = entry.label.read(most=MOST_LABEL_BYTES)
    try:
        text = content.decode("utf-8").strip()
        found = json.loads(text) if entry.label.suffix == ".json" else _number(text)
    except (ValueError, RecursionError) as error:
        raise corrupt.Corrupt("has a label that can't be read") from error
    if isinstance(found, dict):
        found = found.get("label", found.get("cls"))
    if isinstance(found, str) and found.strip():
        return entry.input, found
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**62:
        return entry.input, found
    raise corrupt.Corrupt("has a label that is no whole number and no text")


def _number(text: str) -> int | str:
    return int(text) if text.removeprefix("-").isdecimal() else text


def _decoders(pieces: list[Piece], asked: schema.Preprocess) -> dict[str, folders.Decode]:
    """Return what decodes each kind of file that there is."""
    frames = clips.Frames(asked.frames, asked.stride)
    pictures = [piece for piece in pieces if piece.suffix in images.SUFFIXES]
    moving = [piece for piece in pieces if piece.suffix in VIDEOS]
    found: dict[str, folders.Decode] = {".npy": functools.partial(_array, frames=frames)}
    if pictures:
        channels = folders.channels([one.stream for one in pictures], images.grey)
        image = images.Decoder(channels, size=asked.resize)
        found |= dict.fromkeys(images.SUFFIXES, image)
    if moving:
        videos: Any = importlib.import_module("trainshed_trainer.data.videos")
        channels = folders.channels([one.stream for one in moving], videos.grey)
        found |= dict.fromkeys(VIDEOS, videos.Decoder(channels, frames=frames, size=asked.resize))
    return found


def _array(stream: BinaryIO, title: str, *, frames: clips.Frames) -> sources.Pixels:
    """Return the image or clip in an npy file."""
    found = arrays.parsed(stream.read())
    if found.ndim not in (2, 3, 4) or 0 in found.shape:
        raise corrupt.Corrupt(f"has the shape {found.shape}, which is no image or clip")
    clip = arrays.is_clip(found.shape)
    if clip:
        found = found[frames.of(len(found), title=title)]
    return arrays.scaled(arrays.channelled(found, clip=clip))
