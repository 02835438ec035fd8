"""A gate before a server: who comes while it is shut waits, as before a server that hangs."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """Stands before a server, at first shut."""

    address: str
    """Host and port, by which it is reached."""
    opened: threading.Event
    knocked: threading.Event
    """Set once somebody waits."""

    def open(self) -> None:
        """Let all through, those too who wait."""
        self.opened.set()


@contextlib.contextmanager
def before(address: str) -> Iterator[Gate]:
    """Yield a gate before the server at `host:port`, on the same host."""
    host, _, port = address.rpartition(":")
    opened, knocked, ended = threading.Event(), threading.Event(), threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """Wait for the gate, then carry bytes both ways."""
            knocked.set()
            opened.wait()
            if ended.is_set():
                return
            with socket.create_connection((host, int(port)), timeout=30) as inside:
                back = threading.Thread(target=_carry, args=(inside, self.request), daemon=True)
                back.start()
                _carry(self.request, inside)
                back.join(timeout=30)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Gate(f"{host}:{server.server_address[1]}", opened, knocked)
        finally:
            ended.set()
            opened.set()
            server.shutdown()
            thread.join(timeout=10)


def _carry(source: socket.socket, target: socket.socket) -> None:
    # Either side may be gone at any moment: a pod that is killed says no goodbye.
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
