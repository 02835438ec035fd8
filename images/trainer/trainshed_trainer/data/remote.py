"""Copies a data set from object storage onto the node's disk, by fsspec.

Files that are there with the size and tag that the storage tells are not read again. Ranks and
pods of one node take turns, so each file is read once.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import math
import os
import pathlib
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed_trainer import errors, storages
from trainshed_trainer.data import corrupt, pipelines

FOLDER = "TRAINSHED_CACHE_DIR"
SCHEMES = ("s3", "gs", "https", "file")
READERS = 8
"""How many files are read at once: storage answers late, but to many."""
TAGS = ("ETag", "etag", "md5Hash", "Content-MD5", "Last-Modified", "mtime")
"""What file systems call that which changes with a file's content."""
KEPT_FREE = 2**28
"""What is left free on the disk, in bytes."""
BLOCK = 4096
"""What a file of one byte takes of a disk."""
ROOTS = 3
"""Blocks of the cache's folder, of the set's own in it, and of the journal's end."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file in the storage: its path there, and within the set."""

    path: str
    name: str
    size: int
    tag: str


def fetch(
    uri: str, *, limit: int | None, environment: Mapping[str, str] = os.environ
) -> pathlib.Path:
    """Return the folder, or the file, that holds a copy of what the URI names."""
    with _told(uri):
        storage, files, single = _listed(uri, environment)
    needed = taken(files)
    if limit is not None and needed > limit:
        raise errors.DataError(
            f"{shown(uri)} takes {needed} bytes of a disk, in blocks of {BLOCK}, and"
            f" data.cacheBytes allows {limit}: raise it, or name a set that is smaller or of fewer"
            " files",
            reason="CacheTooSmall",
        )
    with _alone(environment, uri) as cache, _told(uri):
        content = _filled(cache, storage, files)
    return content / files[0].name if single else content


def taken(files: Sequence[Remote]) -> int:
    """Return how many bytes of a disk the files take, as the kubelet counts them.

    Files and folders take whole blocks; a name takes its line in the journal, and no more than
    twice as much in its folder, whose blocks may be half empty.
    """
    named = {file.name.rpartition("/")[0] for file in files}
    folders = {each for name in named for each in pathlib.PurePosixPath(name, "file").parents}
    blocks = len(folders) + ROOTS + sum(math.ceil(file.size / BLOCK) for file in files)
    return BLOCK * blocks + 3 * sum(len(_line(file)) for file in files)


def shown(uri: str) -> str:
    """Return a URI without the secrets that it may have."""
    parts = urllib.parse.urlsplit(uri)
    return corrupt.printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def _listed(uri: str, environment: Mapping[str, str]) -> tuple[Any, list[Remote], bool]:
    """Return the storage, the files there by name, and whether the URI names a single file."""
    scheme = uri.partition("://")[0]
    if "://" not in uri or scheme not in SCHEMES:
        raise errors.ConfigurationError(
            f"data.uri must begin with one of {', '.join(f'{one}://' for one in SCHEMES)}",
            reason="InvalidSpec",
        )
    # A list that is kept from before would hide what has changed since.
    storage, path = storages.at(uri, environment=environment, use_listings_cache=False)
    info = storage.info(path)
    if info["type"] == "file":
        _refuse_page(uri, info)
        name = pathlib.PurePosixPath(urllib.parse.urlsplit(path).path).name
        return storage, [_remote(uri, info, path, name)], True
    root = path.rstrip("/") + "/"
    files = [
        _remote(uri, found, each, each.removeprefix(root))
        for each, found in sorted(storage.find(path, detail=True).items())
        if not each.endswith("/")  # how some programs store a folder
    ]
    if not files:
        raise errors.DataError(
            f"{shown(uri)} holds no files: see that data.uri is right", reason="NoSamples"
        )
    return storage, files, False


def _refuse_page(uri: str, info: Mapping[str, Any]) -> None:
    """Raise DataError for a web page, which is what a web server makes of a folder."""
    if uri.startswith("http") and info.get("mimetype") == "text/html":
        raise errors.DataError(
            f"{shown(uri)} is a web page, as that of a folder is: https:// names one file, such as"
            " a shard or an npz file; a folder can be read from s3:// and gs://",
            reason="NoSuchData",
        )


def _remote(uri: str, info: Mapping[str, Any], path: str, name: str) -> Remote:
    if not name or "\0" in name or {"", ".", ".."} & set(name.split("/")):
        raise errors.DataError(
            f"{shown(uri)} has a file named {name!r:.100}, which leads out of its folder:"
            " rename or remove it",
            reason="UnsafePath",
        )
    if not isinstance(info.get("size"), int):
        raise errors.DataError(
            f"the server does not tell how large {shown(uri)} is: put the set where it does",
            reason="DataUnreachable",
        )
    tag = next((str(info[key]) for key in TAGS if info.get(key)), "")
    return Remote(path, name, info["size"], tag)


def _filled(cache: pathlib.Path, storage: Any, files: Sequence[Remote]) -> pathlib.Path:
    """Return the folder of copies, once it holds these files and no others."""
    content, journal = cache / "content", cache / "journal"
    known = _known(journal)
    kept = {file.name for file in files if _is_here(file, content, known)}
    for path in [path for path in content.rglob("*") if not path.is_dir()]:
        if str(path.relative_to(content)) not in kept:
            path.unlink()
    missing = [file for file in files if file.name not in kept]
    needed = taken(missing)
    free = shutil.disk_usage(cache).free - KEPT_FREE
    if missing and needed > free:
        raise errors.DataError(
            f"the data needs {needed} bytes of the node's disk, and {max(0, free)} are to be had:"
            f" have {FOLDER} name a larger volume, or name a smaller set",
            reason="DiskFull",
        )
    copy = functools.partial(_copy, storage, content)
    with journal.open("a", encoding="utf-8") as written:
        for file in pipelines.ordered(copy, missing, workers=READERS):
            written.write(_line(file))
            written.flush()
    return content


def _line(file: Remote) -> str:
    """Return what the journal says of a file, in ASCII alone."""
    return json.dumps([file.name, file.size, file.tag]) + "\n"


def _known(journal: pathlib.Path) -> dict[str, tuple[int, str]]:
    """Return size and tag of each file that was copied whole, by its name."""
    known = {}
    with contextlib.suppress(FileNotFoundError):
        for line in journal.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, TypeError):  # the last line of one that was killed
                name, size, tag = json.loads(line)
                known[str(name)] = (size, tag)
    return known


def _is_here(file: Remote, content: pathlib.Path, known: Mapping[str, tuple[int, str]]) -> bool:
    path = content / file.name
    return (
        file.tag != ""
        and known.get(file.name) == (file.size, file.tag)
        and path.is_file()
        and path.stat().st_size == file.size
    )


def _copy(storage: Any, content: pathlib.Path, file: Remote) -> Remote:
    """Copy a file: it has its name only when it is whole."""
    target = content / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=content.parent, prefix="part-")
    os.close(handle)
    try:
        storage.get_file(file.path, scratch)
        if os.path.getsize(scratch) != file.size:
            raise OSError(f"{file.name} changed while it was read")
        os.replace(scratch, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
    return file


@contextlib.contextmanager
def _alone(environment: Mapping[str, str], uri: str) -> Iterator[pathlib.Path]:
    """Hold the URI's own folder in the cache, which no other process has meanwhile."""
    root = environment.get(FOLDER) or os.path.join(tempfile.gettempdir(), "trainshed-cache")
    cache = pathlib.Path(root) / hashlib.sha256(uri.encode()).hexdigest()[:32]
    try:
        (cache / "content").mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (cache / "lock").open("w")
    except OSError as error:
        raise errors.DataError(
            f"the cache {root} can't be written ({error.strerror}): have {FOLDER} name a folder"
            " that can",
            reason="CacheUnwritable",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob("part-*"):  # by a process that was killed
            left.unlink()
        yield cache


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn what the storages' libraries raise, which is anything, into a DataError."""
    try:
        yield
    except errors.TrainerError:
        raise
    except ImportError as error:
        raise errors.ConfigurationError(
            f"{shown(uri)} needs the Python package {error.name or error}: install it"
            " (`pip install trainshed-trainer[data]`)",
            reason="MissingPackage",
        ) from error
    except FileNotFoundError as error:
        raise errors.DataError(
            f"there is nothing at {shown(uri)}: see that data.uri is right", reason="NoSuchData"
        ) from error
    except Exception as error:
        why = corrupt.printable(f"{type(error).__name__}: {error}")
        raise errors.DataError(
            f"{shown(uri)} can't be read ({why}): see that the address is right, and that"
            " data.secretRef gives credentials that may read it",
            reason="DataUnreachable",
        ) from error
