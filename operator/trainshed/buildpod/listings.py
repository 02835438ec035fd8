"""What of a base's files tells of its Python, read from its layers; nothing is unpacked."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

_TEXT = 64 * 1024
_LIBRARY = 16 * 1024 * 1024
_MOST = 400_000
"""So many links and files are remembered at most: a base with more of them is refused."""
_HOPS = 40
_OPAQUE = ".wh..wh..opq"
_WHITEOUT = ".wh."

_SITE = re.compile(r".*?/(?:site|dist)-packages(?=/)")
_PYTHON = re.compile(r"python3?([.][0-9]+)?")
_GLIBC = re.compile(rb"GNU C Library[^\n\x00]{0,80}version ([0-9]+[.][0-9]+)")
_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


class TooMuch(Exception):
    """A base with more files than can be remembered."""


@dataclass(slots=True)
class _Layer:
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """What is no longer there of the layers below, with all that lies in it."""
    emptied: set[str] = field(default_factory=set)
    """Folders of which nothing is left of the layers below."""


class Listing:
    """A root filesystem as far as it tells of Python. Paths are without a leading slash."""

    def __init__(self) -> None:
        """Begin with an empty one."""
        self.files: dict[str, str] = {}
        """What was read of a file; empty where it need only be there."""
        self.links: dict[str, str] = {}
        self.folders: set[str] = set()
        """Those named site-packages and dist-packages."""

    def add(self, tar: IO[bytes]) -> None:
        """Put a layer on top; raises tarfile.TarError, OSError and TooMuch."""
        layer = _Layer()
        with tarfile.open(fileobj=tar, mode="r|") as opened:
            for entry in opened:
                # What it remembers of each entry would be the whole layer's list.
                opened.members = []  # type: ignore[attr-defined]
                self._take(layer, opened, entry)
        self._drop(layer)
        self.files |= layer.files
        self.links |= layer.links
        self.folders |= layer.folders

    def resolve(self, path: str) -> str:
        """Return where a path leads to by all links; empty where they go round."""
        return _followed(path, self.links.get)

    def below(self, folder: str) -> Iterator[tuple[str, str]]:
        """Yield the files in a folder and deeper, by their path below it, with what was read."""
        prefix = f"{folder}/"
        for path, read in self.files.items():
            if path.startswith(prefix):
                yield path.removeprefix(prefix), read

    def _take(self, layer: _Layer, opened: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        path = _plain(entry.name)
        if not path:
            return
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            layer.emptied.add(self._real(layer, folder))
            return
        if name.startswith(_WHITEOUT):
            layer.gone.add(f"{self._real(layer, folder)}/{name[len(_WHITEOUT) :]}".lstrip("/"))
            return
        path = f"{self._real(layer, folder)}/{name}".lstrip("/")
        if entry.isdir():
            self._folder(layer, path, name)
            return
        layer.gone.add(path)
        # Not every layer names the folders of its files.
        if (of := _SITE.match(path)) is not None:
            layer.folders.add(of[0])
        layer.files.pop(path, None)
        layer.links.pop(path, None)
        self._keep(layer, opened, entry, path)
        if len(self.files) + len(self.links) + len(layer.files) + len(layer.links) > _MOST:
            raise TooMuch

    def _folder(self, layer: _Layer, path: str, name: str) -> None:
        if path in self.links or path in layer.links:
            # A folder takes the place of a link.
            layer.gone.add(path)
            layer.links.pop(path, None)
        if name in ("site-packages", "dist-packages"):
            layer.folders.add(path)

    def _keep(
        self, layer: _Layer, opened: tarfile.TarFile, entry: tarfile.TarInfo, path: str
    ) -> None:
        if entry.issym():
            layer.links[path] = entry.linkname
        elif entry.islnk():
            source = self._real(layer, _plain(entry.linkname))
            read = layer.files.get(source, self.files.get(source))
            if read is not None:
                layer.files[path] = read
        elif entry.isfile():
            reader = _reader(path)
            if reader is not None:
                content = opened.extractfile(entry)
                assert content is not None
                layer.files[path] = reader(content)

    def _real(self, layer: _Layer, folder: str) -> str:
        """Return a folder by links below and in this layer, as who unpacks it would go."""

        def target(path: str) -> str | None:
            return layer.links.get(path) or (None if path in layer.gone else self.links.get(path))

        return _followed(folder, target)

    def _drop(self, layer: _Layer) -> None:
        """Take away what a layer hides of those below it."""
        if not layer.gone and not layer.emptied:
            return
        for held in (self.files, self.links):
            for path in [each for each in held if _hidden(each, layer)]:
                del held[path]
        self.folders = {each for each in self.folders if not _hidden(each, layer)}


def _followed(path: str, target: Callable[[str], str | None]) -> str:
    """Return where a path leads to; empty where its links go round."""
    rest, found, hops = path.split("/"), "", 0
    while rest:
        part = rest.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            found = posixpath.dirname(found)
            continue
        here = f"{found}/{part}".lstrip("/")
        to = target(here)
        if to is None:
            found = here
            continue
        hops += 1
        if hops > _HOPS:
            return ""
        found = "" if to.startswith("/") else found
        rest[:0] = to.split("/")
    return found


def _hidden(path: str, layer: _Layer) -> bool:
    if path in layer.gone:
        return True
    while path:
        path = posixpath.dirname(path)
        if path in layer.gone or path in layer.emptied:
            return True
    return "" in layer.emptied


def _plain(name: str) -> str:
    """Return a path of a tar without what means nothing; empty where it leads out."""
    parts = [each for each in name.split("/") if each not in ("", ".")]
    return "" if ".." in parts else "/".join(parts)


Reader = Callable[[IO[bytes]], str]


def _reader(path: str) -> Reader | None:
    """Return how a file is read; None for one that tells nothing."""
    folder, name = posixpath.split(path)
    if _PYTHON.fullmatch(name) or (name == "os.py" and "python3" in folder):
        return _nothing
    if name == "pyvenv.cfg" or name == "os-release" or name.endswith(".pth"):
        return _text
    if name.endswith(".egg-info") or (name, folder[-9:]) in _METADATA:
        return _fields
    if name == "libc.so.6" or (name.startswith("libc-2.") and name.endswith(".so")):
        return _glibc
    return _nothing if name.startswith("ld-musl-") else None


_METADATA = (("METADATA", "dist-info"), ("PKG-INFO", ".egg-info"))


def _nothing(content: IO[bytes]) -> str:
    return ""


def _text(content: IO[bytes]) -> str:
    return content.read(_TEXT).decode("utf-8", "replace")


def _fields(content: IO[bytes]) -> str:
    """Return name and version of a distribution, one word each; empty where it lacks one."""
    headers = _text(content).replace("\r\n", "\n").partition("\n\n")[0]
    found = {each[0].lower(): each[1] for each in _FIELD.findall(headers)}
    return f"{found['name']} {found['version']}" if len(found) == 2 else ""


def _glibc(content: IO[bytes]) -> str:
    found = _GLIBC.search(content.read(_LIBRARY))
    return found[1].decode() if found else ""
