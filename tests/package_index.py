"""A real package index on loopback: tiny distributions that a test makes, on plain HTML pages."""

from __future__ import annotations

import base64
import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import json
import pathlib
import tarfile
import threading
import urllib.parse
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests import git_server

ANY = "py3-none-any"
_REMEMBERED = 256
"""So many files are hashed once and not for each reader, as by an index that people use."""


def wheel(
    name: str,
    version: str,
    files: Mapping[str, bytes | str] | None = None,
    *,
    requires: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
    tag: str = ANY,
) -> tuple[str, bytes]:
    """Return a wheel's file name and bytes; without files it is a module that says its version."""
    stem = f"{name.replace('-', '_')}-{version}"
    held: dict[str, bytes | str] = dict(
        files if files is not None else {f"{name.replace('-', '_')}.py": f"V = {version!r}\n"}
    )
    wanted = "".join(f"Requires-Dist: {each}\n" for each in requires)
    about = f"{stem}.dist-info"
    held[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}"
    held[f"{about}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        listed = "".join(f"{key} = {value}\n" for key, value in scripts.items())
        held[f"{about}/entry_points.txt"] = f"[console_scripts]\n{listed}"
    rows = [_row(each, _bytes(data)) for each, data in held.items()]
    held[f"{about}/RECORD"] = "\n".join((*rows, f"{about}/RECORD,,", ""))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for each, data in held.items():
            # A time of its own: the same wheel is the same bytes.
            entry = zipfile.ZipInfo(each, (2026, 1, 2, 3, 4, 6))
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, _bytes(data))
    return f"{stem}-{tag}.whl", out.getvalue()


def sdist(name: str, version: str, setup: str = "") -> tuple[str, bytes]:
    """Return a source distribution's file name and bytes."""
    stem = f"{name.replace('-', '_')}-{version}"
    module = name.replace("-", "_")
    setup = setup or (
        f"from setuptools import setup\nsetup(name={name!r}, version={version!r},"
        f" py_modules=[{module!r}])\n"
    )
    files = {
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n",
        "setup.py": setup,
        f"{module}.py": f"V = {version!r}\n",
    }
    return f"{stem}.tar.gz", _packed(stem, files)


def project(
    name: str,
    version: str,
    *,
    does: str = "",
    tag: str = ANY,
    made: tuple[str, str] = ("", ""),
    requires: Sequence[str] = (),
    needs: Sequence[str] = (),
    dynamic: bool = False,
) -> tuple[str, bytes]:
    """Return a source distribution that builds its wheel itself, by a backend of its own.

    `does`: code that its build runs, in its folder, with `files`: what goes into the wheel. `made`:
    other name and version of the wheel. `requires`: of the package; `needs`: of its build.
    `dynamic`: whether what it requires is told by its build alone.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    called = (made[0] or name, made[1] or version)
    module = name.replace("-", "_")
    about = f"{called[0].replace('-', '_')}-{called[1]}.dist-info"
    wanted = "".join(f"Requires-Dist: {each}\n" for each in requires)
    files = {
        "PKG-INFO": f"Metadata-Version: {'2.1' if dynamic else '2.2'}\nName: {name}\n"
        f"Version: {version}\n{'' if dynamic else wanted}",
        "pyproject.toml": f"[build-system]\nrequires = {json.dumps(list(needs))}\n"
        'build-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(
            about=about,
            metadata=f"Metadata-Version: 2.1\nName: {called[0]}\nVersion: {called[1]}\n{wanted}",
            wheel=f"{about.removesuffix('.dist-info')}-{tag}.whl",
            tag=tag,
            does="\n".join(f"    {line}" for line in does.splitlines()) or "    pass",
        ),
        f"{module}.py": f"V = {version!r}\n",
    }
    return f"{stem}.tar.gz", _packed(stem, files)


_BACKEND = """\
import pathlib, time, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {{each.name: each.read_bytes() for each in pathlib.Path().glob("*.py")}}
    del files["backend.py"]
{does}
    files["{about}/METADATA"] = {metadata!r}
    files["{about}/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n"
    rows = [f"{{name}},," for name in [*files, "{about}/RECORD"]]
    files["{about}/RECORD"] = "\\n".join([*rows, ""])
    with zipfile.ZipFile(pathlib.Path(folder, "{wheel}"), "w") as wheel:
        for name, data in files.items():
            # Each build has other times, as those of real packages do.
            wheel.writestr(zipfile.ZipInfo(name, time.localtime()[:6]), data)
    return "{wheel}"
"""


def _packed(stem: str, files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for each, text in files.items():
            entry = tarfile.TarInfo(f"{stem}/{each}")
            entry.size = len(text.encode())
            packed.addfile(entry, io.BytesIO(text.encode()))
    # A time of its own: the same source is the same bytes.
    return gzip.compress(out.getvalue(), mtime=0)


@dataclass(frozen=True)
class Index:
    """Shows what was added to it, at once."""

    url: str
    authority: str = ""
    """The certificate of who vouches for it, where it speaks TLS."""
    held: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization header of each request."""
    troubles: list[int] = field(default_factory=list)
    """Statuses that the next requests are answered with, one after the other."""

    def add(self, *found: tuple[str, bytes]) -> None:
        """Take files, each by its name."""
        for name, data in found:
            project = name.partition("-")[0].replace("_", "-").lower()
            self.held.setdefault(project, {})[name] = data


@contextlib.contextmanager
def serve(
    folder: pathlib.Path,
    *,
    host: str = "127.0.0.1",
    login: tuple[str, str] | None = None,
    tls: bool = False,
    status: int = 0,
) -> Iterator[Index]:
    """Serve an index on a free port.

    `login`: the only account. `tls`: speak it, vouched for by an authority that only the Index
    returned knows; its files are in `folder`. `status`: what all requests are answered with.
    """
    known = {"login": login, "status": status}
    handler = type("Handler", (_Handler,), known)
    with _Server((host, 0), handler) as server:
        authority = git_server.encrypted(server, host, folder / "index-pki") if tls else ""
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            scheme = "https" if tls else "http"
            found = Index(f"{scheme}://{host}:{server.server_address[1]}/simple", authority)
            handler.index = found  # type: ignore[attr-defined]
            yield found
        finally:
            server.shutdown()
            thread.join(timeout=10)


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    """uv asks for many pages at once: one that the default, 5, turns away comes a second later."""


class _Handler(http.server.BaseHTTPRequestHandler):
    index: Index
    login: tuple[str, str] | None
    status: int

    def do_GET(self) -> None:
        """Answer a read."""
        given = self.headers.get("Authorization", "")
        self.index.asked.append((self.path, given))
        if self.status or self.index.troubles:
            self._answer(self.status or self.index.troubles.pop(0), b"")
        elif self.login and given != _basic(*self.login):
            self._answer(401, b"", ("WWW-Authenticate", 'Basic realm="index"'))
        else:
            self._found(urllib.parse.unquote(self.path).strip("/").split("/"))

    def do_HEAD(self) -> None:
        """Answer as to a read: the body is not sent."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _found(self, parts: list[str]) -> None:
        if len(parts) == 2 and parts[1] in self.index.held:
            rows = "".join(_link(*each) for each in self.index.held[parts[1]].items())
            page = f"<!DOCTYPE html><html><body>{rows}</body></html>".encode()
            self._answer(200, page, ("Content-Type", "text/html"))
            return
        project = self.index.held.get(parts[1], {}) if len(parts) == 3 else {}
        name = parts[-1].removesuffix(".metadata")
        data = project.get(name)
        if data is not None and name != parts[-1]:
            data = _metadata(data)
        self._answer(200 if data is not None else 404, data or b"")

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@functools.lru_cache(_REMEMBERED)
def _link(name: str, data: bytes) -> str:
    """Return a file's link, with the hash of its metadata as PyPI has it."""
    told = _metadata(data) if name.endswith(".whl") else None
    more = f' data-core-metadata="sha256={_sha256(told)}"' if told is not None else ""
    return f'<a href="{name}#sha256={_sha256(data)}"{more}>{name}</a>\n'


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(_REMEMBERED)
def _metadata(wheel: bytes) -> bytes | None:
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(wheel)) as opened:
        for name in opened.namelist():
            if name.endswith(".dist-info/METADATA"):
                return opened.read(name)
    return None


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _row(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"
