"""A package index on this machine: real wheels, downloaded once, served as PyPI serves them."""

from __future__ import annotations

import contextlib
import hashlib
import html
import http.server
import os
import pathlib
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Sequence

from tests.benches import figures

FOLDER = figures.ROOT / "build" / "bench-builds" / "wheels"
_SECONDS = 900


def fetch(packages: Sequence[str], *, python: str) -> None:
    """Have the wheels of packages and of what they need, for an x86-64 Linux."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [os.environ.get("UV", "uv"), "run", "--no-project", "--quiet", "--with", "pip"]
    command += ["python", "-m", "pip", "download", "--quiet", "--dest", str(FOLDER)]
    command += ["--only-binary", ":all:", "--python-version", python]
    command += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]
    subprocess.run([*command, *packages], check=True, timeout=_SECONDS)


@contextlib.contextmanager
def serve(folder: pathlib.Path, *, host: str) -> Iterator[str]:
    """Serve the wheels of a folder on a free port; give the index's URL."""
    handler = type("Handler", (_Handler,), {"pages": _pages(folder), "folder": folder})
    with http.server.ThreadingHTTPServer((host, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}/simple"
        finally:
            server.shutdown()
            thread.join(timeout=10)


def _pages(folder: pathlib.Path) -> dict[str, bytes]:
    """Return what is answered by path: a page for each project, and each wheel's metadata."""
    links: dict[str, list[str]] = {}
    found: dict[str, bytes] = {}
    for wheel in sorted(folder.glob("*.whl")):
        metadata = _metadata(wheel)
        found[f"/files/{wheel.name}.metadata"] = metadata
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        told = hashlib.sha256(metadata).hexdigest()
        links.setdefault(_project(wheel), []).append(
            f'<a href="/files/{html.escape(wheel.name)}#sha256={digest}"'
            f' data-core-metadata="sha256={told}">{html.escape(wheel.name)}</a>'
        )
    pages = {f"/simple/{name}/": "\n".join(each).encode() for name, each in links.items()}
    return found | pages


def _project(wheel: pathlib.Path) -> str:
    return re.sub(r"[-_.]+", "-", wheel.name.partition("-")[0]).lower()


def _metadata(wheel: pathlib.Path) -> bytes:
    with zipfile.ZipFile(wheel) as opened:
        name = next(each for each in opened.namelist() if each.endswith(".dist-info/METADATA"))
        return opened.read(name)


class _Handler(http.server.BaseHTTPRequestHandler):
    pages: dict[str, bytes]
    folder: pathlib.Path

    def do_GET(self) -> None:
        """Answer with a page, or with a wheel."""
        body = self.pages.get(self.path)
        wheel = self.folder / pathlib.PurePosixPath(self.path).name
        if body is None and self.path.startswith("/files/") and wheel.is_file():
            body = wheel.read_bytes()
        self.send_response(200 if body is not None else 404)
        body = body or b""
        self.send_header("Content-Type", "text/html" if "/simple/" in self.path else "binary/wheel")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
