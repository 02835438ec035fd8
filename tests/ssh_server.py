"""A real ssh server on loopback that shows git repositories to one key."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import queue
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import asyncssh


@dataclass(frozen=True)
class Server:
    """Shows every repository below a folder to whoever has the key."""

    url: str
    """With the user; the path of a repository comes behind it."""
    known_hosts: str
    """The server's line of such a file."""
    private_key: str
    """What opens it, in OpenSSH's format."""


def a_key() -> asyncssh.SSHKey:
    """Return a new key."""
    return asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    """Return a key's public half as one line."""
    return key.export_public_key().decode().strip()


@contextlib.contextmanager
def serve(root: pathlib.Path, *, host: str = "127.0.0.1") -> Iterator[Server]:
    """Serve the repositories below a folder on a free port."""
    own, client = a_key(), a_key()
    ready: queue.Queue[int] = queue.Queue()
    ended = threading.Event()

    async def listen() -> None:
        async with asyncssh.listen(
            host,
            0,
            server_host_keys=[own],
            authorized_client_keys=asyncssh.import_authorized_keys(public(client)),
            process_factory=lambda process: _upload_pack(process, root.resolve()),
            encoding=None,
        ) as acceptor:
            ready.put(acceptor.get_port())
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(listen()), daemon=True)
    thread.start()
    port = ready.get(timeout=10)
    try:
        yield Server(
            f"ssh://git@{host}:{port}",
            f"[{host}]:{port} {public(own)}\n",
            client.export_private_key().decode(),
        )
    finally:
        ended.set()
        thread.join(timeout=10)


async def _upload_pack(process: Any, root: pathlib.Path) -> None:
    """Run the one command that a clone asks for, on a repository below the folder."""
    program, _, path = (process.command or "").partition(" ")
    name = shlex.split(path)[0] if path else ".."
    if program != "git-upload-pack" or ".." in name.split("/"):
        process.exit(1)
        return
    git = await asyncio.create_subprocess_exec(
        *("git", "-c", "safe.directory=*", "upload-pack", f"{root}/{name}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert git.stdin is not None
    assert git.stdout is not None
    asked = asyncio.create_task(_copied(process.stdin, git.stdin))
    await _copied(git.stdout, process.stdout)
    asked.cancel()
    process.exit(await git.wait())


async def _copied(source: Any, target: Any) -> None:
    """Hand on what comes, until no more does."""
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
