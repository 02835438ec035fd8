"""A server before a registry, with TLS and a realm of tokens at the registry's own name.

So is Artifact Registry: who asks it for a token asks itself. Distribution alone can't be.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from http import server as http_server

import httpx

from tests.cluster import registry_server as servers

REALM = "/v2/token"
_OURS = frozenset({"connection", "date", "server", "transfer-encoding"})
"""Headers that each of two connections has for itself."""


@contextlib.contextmanager
def started(tls: servers.Tls, *, registry: str, tokens: str) -> Iterator[int]:
    """Yield the port of one. `registry` and `tokens`: URLs that it sends requests on to."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    with httpx.Client(trust_env=False, timeout=30) as http:
        fields = {"http": http, "registry": registry, "tokens": tokens}
        handler = type("Handler", (_Handler,), fields)
        with http_server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
            running.socket = context.wrap_socket(running.socket, server_side=True)
            thread = threading.Thread(target=running.serve_forever, args=(0.05,), name="front")
            thread.start()
            try:
                yield running.server_port
            finally:
                running.shutdown()
                thread.join()


class _Handler(http_server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    http: httpx.Client
    registry: str
    tokens: str

    def _pass(self) -> None:
        """Send a request on, and its answer back."""
        path, _, query = self.path.partition("?")
        url = f"{self.tokens}?{query}" if path == REALM else f"{self.registry}{self.path}"
        headers = {**dict(self.headers), "X-Forwarded-Proto": "https"}
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = self.http.request(self.command, url, headers=headers, content=body)
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name not in _OURS:
                self.send_header(name, value)
        if "content-length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
