"""The host cluster's processes: started once, found again by pid file, stopped for certain.

A pid alone proves nothing after a reboot or a wrap-around, so a pid file also holds the
process's start time and the boot's id. Every process carries a mark in its environment,
which its children inherit: by it `strays` finds what lost its pid file.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from hack.cluster import waiting

MARK = "_TRAINSHED_HOST_CLUSTER"
_BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True)
class Component:
    """A program to keep running. inputs are the files whose change means a restart."""

    name: str
    argv: tuple[str, ...]
    inputs: tuple[pathlib.Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """Return what changes with the command line, the environment and the inputs."""
        summed = hashlib.sha256(repr((self.argv, sorted(self.environment.items()))).encode())
        for path in self.inputs:
            summed.update(path.read_bytes())
        return summed.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """A pid file: which process it was, and from which configuration."""

    pid: int
    start: int
    boot: str
    digest: str

    def alive(self) -> bool:
        """Tell whether the process still runs and is the one that was recorded."""
        return self.boot == boot_id() and start_time(self.pid) == self.start


class Supervisor:
    """Starts and stops the components of one cluster."""

    def __init__(self, *, pids: pathlib.Path, logs: pathlib.Path, mark: str) -> None:
        self._pids = pids
        self._logs = logs
        self._mark = mark

    def names(self) -> list[str]:
        """Return the components that were started and not stopped since."""
        return sorted(path.stem for path in self._pids.glob("*.json"))

    def log(self, name: str) -> pathlib.Path:
        return self._logs / f"{name}.log"

    def record(self, name: str) -> Record | None:
        """Return the live process of a component, or None if it is down."""
        try:
            found = Record(**json.loads((self._pids / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.alive() else None

    def current(self, component: Component) -> bool:
        """Tell whether the component runs from this very configuration."""
        found = self.record(component.name)
        return found is not None and found.digest == component.digest()

    def start(self, component: Component) -> None:
        """Start the component in a session of its own; an outdated process of it ends first."""
        self.stop(component.name)
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        pid = _spawn(
            component.argv,
            environment={**passed, **component.environment, MARK: self._mark},
            log=self.log(component.name),
        )
        # A process that has ended already has no start time, and counts as down.
        started = start_time(pid) or 0
        record = Record(pid=pid, start=started, boot=boot_id(), digest=component.digest())
        path = self._pids / f"{component.name}.json"
        path.write_text(json.dumps(asdict(record)), encoding="utf-8")

    def stop(self, name: str, *, grace: float = 10.0) -> bool:
        """End the component, by force after grace seconds; tell whether it ran."""
        found = self.record(name)
        if found is not None:
            end(found, grace=grace)
        (self._pids / f"{name}.json").unlink(missing_ok=True)
        return found is not None

    def obituary(self, name: str) -> str:
        """Return the sentence for a component that ended by itself."""
        return (
            f"{name} ended right after its start; the end of {self.log(name)}:\n{self.tail(name)}"
        )

    def tail(self, name: str, *, lines: int = 12) -> str:
        """Return the last lines of the component's log, indented."""
        try:
            text = self.log(name).read_text("utf-8", errors="replace")
        except OSError:
            return "  (no log)"
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])

    def strays(self) -> list[Record]:
        """Return every process that carries this cluster's mark."""
        wanted = f"{MARK}={self._mark}".encode()
        return [found for found in _processes() if wanted in _environment(found.pid)]


def end(found: Record, *, grace: float) -> None:
    """Ask the process to end, force it after grace seconds, and wait until it is gone."""
    _signal(found, signal.SIGTERM if grace > 0 else signal.SIGKILL)
    deadline = time.monotonic() + grace
    while found.alive() and time.monotonic() < deadline:
        time.sleep(waiting.INTERVAL_SECONDS / 5)
    _signal(found, signal.SIGKILL)
    waiting.until(
        f"process {found.pid} to end",
        lambda: "it was killed and is still there" if found.alive() else None,
        seconds=20,
    )


def boot_id() -> str:
    return _BOOT_ID.read_text("ascii").strip()


def start_time(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot, or None if it is no more."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold blanks and parentheses.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _signal(found: Record, number: signal.Signals) -> None:
    if found.alive():
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            return


def _spawn(argv: tuple[str, ...], *, environment: Mapping[str, str], log: pathlib.Path) -> int:
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        argv[0],
        argv,
        environment,
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGHUP),
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
    )


def _processes() -> Iterator[Record]:
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdecimal() and (started := start_time(int(entry.name))) is not None:
            yield Record(pid=int(entry.name), start=started, boot=boot_id(), digest="")


def _environment(pid: int) -> list[bytes]:
    try:
        return pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
