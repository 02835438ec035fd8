"""Which port is whose: finds free ones, and names the holder of one that is not.

A port that may vary moves to the next free one, and says so; a fixed one is an error.
"""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hack.cluster import errors

_LISTEN = "0A"
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """A component's port: where it listens, and which number it would like."""

    component: str
    address: str
    port: int
    fixed: bool = False
    udp: bool = False


def assign(
    wanted: Mapping[str, Wanted],
    *,
    recorded: Mapping[str, int],
    running: Callable[[str], bool],
    note: Callable[[str], None],
) -> dict[str, int]:
    """Return a port for each name: the recorded one of what runs, else the nearest free one."""
    chosen: dict[str, int] = {}
    for name, want in wanted.items():
        port = want.port if want.fixed else recorded.get(name, want.port)
        if not running(want.component):
            port = _free(want, first=port, taken=set(chosen.values()), note=note)
        chosen[name] = port
    return chosen


def _free(want: Wanted, *, first: int, taken: set[int], note: Callable[[str], None]) -> int:
    for port in range(first, first + _TRIES):
        if port in taken or not bindable(want.address, port=port, udp=want.udp):
            if want.fixed:
                raise errors.Conflict(
                    f"{want.component} needs {want.address}:{port}, which {holder(port)} holds: "
                    "stop it first"
                )
            continue
        if port != first:
            note(f"port {first} is in use by {holder(first)}: {want.component} takes {port}")
        return port
    raise errors.Conflict(f"no free port for {want.component} from {first} on")


def bindable(address: str, *, port: int, udp: bool = False) -> bool:
    """Tell whether something new could listen there now."""
    kinds = [socket.SOCK_STREAM, *([socket.SOCK_DGRAM] if udp else [])]
    for kind in kinds:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    probe.listen(1)
            except OSError:
                return False
    return True


def holder(port: int) -> str:
    """Return who listens on the port, as 'name (pid 12)', or 'another process'."""
    inodes = {
        inode
        for table in ("tcp", "tcp6", "udp", "udp6")
        for inode in _inodes(pathlib.Path("/proc/net") / table, port=port)
    }
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdecimal() and inodes & _sockets(entry):
            name = (entry / "comm").read_text("utf-8", errors="replace").strip()
            return f"{name} (pid {entry.name})"
    return "another process"


def _inodes(table: pathlib.Path, *, port: int) -> set[str]:
    try:
        rows = [line.split() for line in table.read_text("ascii").splitlines()[1:]]
    except OSError:
        return set()
    udp = table.name.startswith("udp")
    return {
        row[9]
        for row in rows
        if int(row[1].rpartition(":")[2], 16) == port and (udp or row[3] == _LISTEN)
    }


def _sockets(process: pathlib.Path) -> set[str]:
    found = set()
    try:
        for link in (process / "fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:
        return found
    return found
