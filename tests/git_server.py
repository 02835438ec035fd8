"""A real git server on loopback: git's own http-backend behind Python's HTTP server."""

from __future__ import annotations

import base64
import contextlib
import http.server
import os
import pathlib
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hack.cluster.host import certificates

_QUIET = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
_WHO = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class Repository:
    """A working tree whose commits the server shows at once."""

    folder: pathlib.Path

    def commit(self, files: Mapping[str, str], *, branch: str = "main") -> str:
        """Write files, commit all that is in the tree, and return the commit."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("checkout", "-q", "-B", branch)
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git in the tree."""
        command = ["git", *_WHO, "-C", str(self.folder), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, **_QUIET}
        ).stdout


@dataclass(frozen=True)
class Server:
    """Shows every repository below a folder."""

    root: pathlib.Path
    url: str
    asked: list[str]
    """The Authorization header of each request; empty where there was none."""
    authority: str = ""
    """The certificate of who vouches for it, where it speaks TLS."""

    def repository(self, name: str) -> Repository:
        """Begin a repository; its address is `url/NAME`."""
        folder = self.root / name
        folder.mkdir(parents=True)
        found = Repository(folder)
        found.git("init", "-q")
        return found


@contextlib.contextmanager
def serve(
    root: pathlib.Path,
    *,
    host: str = "127.0.0.1",
    login: tuple[str, str] | None = None,
    moved: str = "",
    tls: bool = False,
) -> Iterator[Server]:
    """Serve the repositories below a folder on a free port.

    `login`: the only account. `moved`: the server that all requests are sent on to. `tls`: speak
    it, vouched for by an authority that only the Server returned knows.
    """
    asked: list[str] = []
    known = {"root": root, "login": login, "moved": moved, "asked": asked}
    handler = type("Handler", (_Handler,), known)
    with http.server.ThreadingHTTPServer((host, 0), handler) as server:
        authority = encrypted(server, host, root.with_name(f"{root.name}-pki")) if tls else ""
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            address = f"{'https' if tls else 'http'}://{host}:{server.server_address[1]}"
            yield Server(root, address, asked, authority)
        finally:
            server.shutdown()
            thread.join(timeout=10)


def encrypted(server: http.server.HTTPServer, host: str, folder: pathlib.Path) -> str:
    """Have a server speak TLS, and return the certificate of its authority."""
    folder.mkdir(parents=True)
    signer, issuer = certificates.authority(folder)
    identity = certificates.Identity("server", "git", hosts=(host,))
    certificates.issue(identity, folder=folder, issuer=issuer, signer=signer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    return (folder / "ca.crt").read_text(encoding="utf-8")


class _Handler(http.server.BaseHTTPRequestHandler):
    root: pathlib.Path
    login: tuple[str, str] | None
    moved: str
    asked: list[str]

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a negotiation."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            self._answer(self._chunks())
        else:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, body: bytes) -> None:
        self.asked.append(self.headers.get("Authorization", ""))
        if self.moved:
            self.send_response(302)
            self.send_header("Location", f"{self.moved}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.login and self.headers.get("Authorization") != _basic(*self.login):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        given = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env={
                **os.environ,
                **_QUIET,
                **given,
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
