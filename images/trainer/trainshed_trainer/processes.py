"""The processes of one pod: started, told, waited for, and ended with the first that fails."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from trainshed_trainer import cpus, failures, rendezvous, tails

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
TAIL_SECONDS = 2.0
GRACE_SECONDS = 5.0
"""How long the others may take to end once one has failed: they wait for it in vain."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; `code` is as `Popen.returncode` has it: a signal is negative."""

    rank: int
    code: int
    tail: str
    account_file: str
    told_to_stop: bool
    out_of_memory: bool


@dataclass(frozen=True, slots=True)
class _Process:
    """One process, which leads a group of its own."""

    rank: int
    pid: int
    tail: tails.Tail
    account_file: str


class NotStarted(Exception):
    """The system refused to start the command."""

    def __init__(self, number: int | None) -> None:
        super().__init__(number)
        self.number = number


class Forwarder:
    """Passes signals on to process groups; those that come before one exists are kept for it."""

    def __init__(self) -> None:
        """Take the signals: process 1 gets none that it has no handler for."""
        self._groups: list[int] = []
        self._kept: list[int] = []
        self.told_to_stop = False
        for number in FORWARDED:
            signal.signal(number, self._take)
        # Where it is ignored, the kernel reaps our children and nobody learns how they ended.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def to(self, group: int) -> None:
        """Pass on what came so far, and what comes from now on."""
        self._groups.append(group)
        for number in self._kept:
            send(group, number)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.told_to_stop = self.told_to_stop or number == signal.SIGTERM
        self._kept.append(number)
        for group in self._groups:
            send(group, number)


def send(group: int, number: int) -> None:
    """Send a signal to a process group that may be gone."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)


class Group:
    """The processes of a pod. Whatever happens, none is left when the block ends."""

    def __init__(self, command: Sequence[str], pod: rendezvous.Pod, forwarder: Forwarder) -> None:
        """Start `command` once for each of the pod's processes; raises NotStarted."""
        self._forwarder = forwarder
        self._killed = failures.memory_kills()
        self._going: dict[int, _Process] = {}
        self._folder = _folder()
        # Without a buffer: its lock, held by a thread that goes on, would abort our exit.
        self._out = open(2, "wb", buffering=0, closefd=False)  # noqa: SIM115
        try:
            for local in range(pod.processes):
                self._start(command, pod, local)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the group."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what still runs."""
        self.close()

    def _start(self, command: Sequence[str], pod: rendezvous.Pod, local: int) -> None:
        rank = pod.rank(local)
        account_file = os.path.join(self._folder, f"account-{local}.json") if self._folder else ""
        environment = _environment(os.environ, pod, local)
        environment["TRAINSHED_ACCOUNT_FILE"] = account_file
        child = _started(command, environment)
        # We reap it, by its pid: Popen would ask for it once more.
        child.returncode = 0
        assert child.stderr is not None
        tail = tails.Tail(child.stderr, self._out)
        self._going[child.pid] = _Process(rank, child.pid, tail, account_file)
        self._forwarder.to(child.pid)

    def next(self) -> Ended | None:
        """Wait for the next process to end; None once all have. Reaps orphans on the way."""
        while self._going:
            pid, status = os.wait()
            if (found := self._going.pop(pid, None)) is not None:
                return self._ended(found, os.waitstatus_to_exitcode(status))
        return None

    def _ended(self, found: _Process, code: int) -> Ended:
        # What it has left behind may hold its error output open.
        send(found.pid, signal.SIGKILL)
        return Ended(
            rank=found.rank,
            code=code,
            tail=found.tail.text(wait=TAIL_SECONDS),
            account_file=found.account_file,
            told_to_stop=self._forwarder.told_to_stop,
            out_of_memory=failures.memory_kills() > self._killed,
        )

    def tell(self, number: int) -> None:
        """Send a signal to all that still run."""
        for pid in self._going:
            send(pid, number)

    def close(self) -> None:
        """End what still runs: by SIGTERM, and by SIGKILL after some seconds."""
        if self._going:
            self.tell(signal.SIGTERM)
            killer = threading.Timer(GRACE_SECONDS, self.tell, [signal.SIGKILL])
            killer.daemon = True
            killer.start()
            with contextlib.suppress(ChildProcessError):
                while self.next() is not None:
                    pass
            killer.cancel()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _folder() -> str:
    """Return where processes may leave their accounts; nowhere if no folder can be written."""
    try:
        return tempfile.mkdtemp(prefix="trainshed-")
    except OSError:
        return ""  # the command runs uncounted, but it runs


def _environment(given: Mapping[str, str], pod: rendezvous.Pod, local: int) -> dict[str, str]:
    environment = {**given, **rendezvous.variables(pod, local, given)}
    if pod.rank(local) != 0:
        # Rank 0 alone speaks for the job; what the launcher says of the others comes at the end.
        for name in ("TRAINSHED_PROGRESS_URL", "KUBEFLOW_TRAINER_SERVER_URL"):
            environment.pop(name, None)
    if local != 0:
        environment.pop("TRAINSHED_METRICS_PORT", None)
    if pod.processes > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, cpus.usable() // pod.processes)))
    cpus.advise(environment)
    return environment


def _started(command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    if command[0] == "python" and shutil.which("python") is None:
        command = [sys.executable, *command[1:]]  # the image may only have python3
    try:
        return subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise NotStarted(getattr(error, "errno", None)) from error
