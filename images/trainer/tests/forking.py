"""Processes by the dozen: forked off one that has imported what they need once.

Each is a process of its own with its own environment, folder and pipes; only to start Python and
to import what it needs takes ten times as long as all that it does.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from typing import IO, Any

LIBRARY = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = """
import json, os, socket, sys
from trainshed_trainer import leaving
{prepared}
asked = socket.socket(fileno=int(sys.argv[1]))
while True:
    message, pipes, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    if not message:
        break
    order = json.loads(message)
    if "wait" in order:
        asked.send(b"%d" % os.waitpid(order["wait"], 0)[1])
        continue
    child = os.fork()
    if child == 0:
        asked.close()
        for number, pipe in enumerate(pipes):
            os.dup2(pipe, number)
            os.close(pipe)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        leaving.after(lambda: work(order))
    for pipe in pipes:
        os.close(pipe)
    asked.send(b"%d" % child)
"""


class Process:
    """A process that runs, as subprocess.Popen would have it."""

    def __init__(self, server: Server, order: Mapping[str, Any]) -> None:
        inner_in, outer_in = os.pipe()
        outer_out, inner_out = os.pipe()
        outer_err, inner_err = os.pipe()
        inner = (inner_in, inner_out, inner_err)
        self._server = server
        self.pid = server.ask(order, inner)
        for each in inner:
            os.close(each)
        self.stdin: IO[bytes] | None = os.fdopen(outer_in, "wb")
        self.stdout: IO[bytes] = os.fdopen(outer_out, "rb")
        self.stderr: IO[bytes] = os.fdopen(outer_err, "rb")
        self.returncode: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Return its code if it has ended."""
        with contextlib.suppress(TimeoutError):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, *, timeout: float) -> int:
        """Return its code once it has ended; raises TimeoutError."""
        if self.returncode is None:
            ended = os.pidfd_open(self.pid)
            try:
                if not select.select([ended], [], [], timeout)[0]:
                    raise TimeoutError(f"the process runs after {timeout} s")
            finally:
                os.close(ended)
            status = self._server.ask({"wait": self.pid})
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def communicate(self, *, timeout: float) -> tuple[bytes, bytes]:
        """Close its input; return its output and errors once both have ended."""
        if self.stdin is not None:
            self.stdin.close()
        with futures.ThreadPoolExecutor(2) as pool:
            read = [pool.submit(each.read) for each in (self.stdout, self.stderr)]
            try:
                out, err = (each.result(timeout) for each in read)
            except TimeoutError:
                self.send_signal(signal.SIGKILL)
                raise
        self.stdout.close()
        self.stderr.close()
        self.wait(timeout=timeout)
        return out, err


class Server:
    """What processes are forked off. `prepared`: imports, and what defines `work(order)`."""

    def __init__(self, prepared: str, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asked = ours
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(prepared=prepared), str(number)],
                env={**environment, "PYTHONPATH": str(LIBRARY)},
                pass_fds=[number],
            )

    def ask(self, order: Mapping[str, Any], pipes: Sequence[int] = ()) -> int:
        """Return its answer to an order, which may come with pipes."""
        socket.send_fds(self._asked, [json.dumps(order).encode()], pipes)
        return int(self._asked.recv(64))

    def close(self) -> None:
        """End it."""
        self._asked.close()
        self._process.wait(timeout=30)


@functools.cache
def _servers() -> dict[str, Server]:
    return {}


def start(
    prepared: str,
    *,
    folder: pathlib.Path,
    environment: Mapping[str, str],
    base: Mapping[str, str],
    **more: Any,
) -> Process:
    """Start a process; the first of its kind starts its server, in the environment `base`."""
    servers = _servers()
    if prepared not in servers:
        servers[prepared] = Server(prepared, base)
    order = {"folder": str(folder), "environment": dict(environment), **more}
    return Process(servers[prepared], order)


def served() -> Iterator[None]:
    """End the servers, if there were any, at the end of all tests."""
    yield
    for server in _servers().values():
        server.close()
