"""`python3 -m trainshed_trainer.launch -- COMMAND…`: process 1 of a training container.

It starts the command in a process group of its own, forwards signals, reaps what the command
leaves behind, passes its error output through, and when it has ended pushes the final account
and writes it to the termination log.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from trainshed_trainer import accounts, claims, context, cpus, errors, failures, pushing, tails

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
TAIL_SECONDS = 2.0
TAIL_CHARACTERS = 2048
PUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; `code` is as `Popen.returncode` has it: a signal is negative."""

    code: int
    tail: str
    told_to_stop: bool
    out_of_memory: bool


class NotStarted(Exception):
    """The system refused to start the command."""

    def __init__(self, number: int | None) -> None:
        super().__init__(number)
        self.number = number


class Forwarder:
    """Passes signals on to a process group; those that come before it exists are kept for it."""

    def __init__(self) -> None:
        """Take the signals: process 1 gets none that it has no handler for."""
        self._group: int | None = None
        self._kept: list[int] = []
        self.told_to_stop = False
        for number in FORWARDED:
            signal.signal(number, self._take)
        # Where it is ignored, the kernel reaps our children and nobody learns how they ended.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def to(self, group: int) -> None:
        """Pass on what came so far, and what comes from now on."""
        self._group = group
        for number in self._kept:
            send(group, number)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.told_to_stop = self.told_to_stop or number == signal.SIGTERM
        if self._group is None:
            self._kept.append(number)
        else:
            send(self._group, number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the launcher's exit code."""
    forwarder = Forwarder()
    given = list(sys.argv[1:] if arguments is None else arguments)
    started = time.time()
    progress: dict[str, Any] = {}
    try:
        account, progress = _told(given[1:] if given[:1] == ["--"] else given, forwarder)
    except Exception as error:  # whatever is wrong with us, the job must learn of it
        traceback.print_exc()
        account = {
            "outcome": "failed",
            "class": "Unknown",
            "reason": "LauncherFailed",
            "message": f"the launcher failed: {type(error).__name__}: {error}",
            "exitCode": errors.EXIT_USER_CODE,
        }
    account = {**accounts.blank(), "startTime": started, **account, "endTime": time.time()}
    return _end(account, progress)


def send(group: int, number: int) -> None:
    """Send a signal to a process group that may be gone."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def _told(command: Sequence[str], forwarder: Forwarder) -> tuple[accounts.Account, dict[str, Any]]:
    """Run a command; return the account of it, and the last progress that it told."""
    folder = os.getcwd()
    if not command:
        return {"outcome": "failed", **failures.not_started("", folder, None)}, {}
    path = _account_file()
    try:
        ended = _run(_started(command, path), forwarder)
        left = accounts.read(path) or {}
    except NotStarted as error:
        return {"outcome": "failed", **failures.not_started(command[0], folder, error.number)}, {}
    finally:
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
    account = _account(ended, claims.account(left.get("account")), command=command)
    return account, claims.progress(left.get("progress"))


def _account_file() -> str:
    """Return where the rank may leave its account; nowhere if no folder can be written."""
    try:
        return os.path.join(tempfile.mkdtemp(prefix="trainshed-"), "account.json")
    except OSError:
        return ""  # the command runs uncounted, but it runs


def _started(command: Sequence[str], account_file: str) -> subprocess.Popen[bytes]:
    if command[0] == "python" and shutil.which("python") is None:
        command = [sys.executable, *command[1:]]  # the image may only have python3
    environment = {**os.environ, "TRAINSHED_ACCOUNT_FILE": account_file}
    cpus.advise(environment)
    try:
        return subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise NotStarted(getattr(error, "errno", None)) from error


def _run(child: subprocess.Popen[bytes], forwarder: Forwarder) -> Ended:
    killed = failures.memory_kills()
    try:
        forwarder.to(child.pid)
        assert child.stderr is not None
        # Without a buffer: its lock, held by a thread that goes on, would abort our exit.
        out = open(2, "wb", buffering=0, closefd=False)  # noqa: SIM115
        tail = tails.Tail(child.stderr, out)
        child.returncode = _wait(child.pid)
    finally:
        send(child.pid, signal.SIGKILL)
    return Ended(
        child.returncode,
        tail.text(wait=TAIL_SECONDS),
        told_to_stop=forwarder.told_to_stop,
        out_of_memory=failures.memory_kills() > killed,
    )


def _wait(pid: int) -> int:
    """Wait for one process and reap every other on the way: we are process 1."""
    while True:
        found, status = os.wait()
        if found == pid:
            return os.waitstatus_to_exitcode(status)


def _account(ended: Ended, left: accounts.Account, *, command: Sequence[str]) -> accounts.Account:
    """Return the final account: the rank's own, completed by how it ended."""
    ending = ("outcome", "class", "reason", "message")
    figures = {name: value for name, value in left.items() if name not in ending}
    if _was_stopped(ended, left.get("outcome")):
        return {**figures, **failures.stopped(whole_step=left.get("outcome") == "stopped")}
    if ended.code == 0:
        return {**figures, "outcome": "succeeded", "exitCode": errors.EXIT_DONE}
    said = failures.classify(
        ended.code,
        ended.tail,
        command=command,
        folder=os.getcwd(),
        out_of_memory=ended.out_of_memory,
    )
    if left.get("reason"):
        said |= {key: left[key] for key in ("class", "reason", "message") if key in left}
        if said["class"] == "Data":
            said["exitCode"] = errors.EXIT_CONFIGURATION
    return {**figures, **said, "outcome": "failed", "logTail": ended.tail[-TAIL_CHARACTERS:]}


def _was_stopped(ended: Ended, outcome: Any) -> bool:
    """Return whether a process ended because it was told to, however it says so."""
    if outcome == "stopped":
        return ended.code in (0, errors.EXIT_STOPPED)
    # It had no handler yet, or never has one; a shell adds 128.
    by_signal = (-signal.SIGTERM, 128 + signal.SIGTERM)
    return ended.told_to_stop and ended.code in by_signal


def _end(account: accounts.Account, progress: dict[str, Any]) -> int:
    path = os.environ.get("TRAINSHED_TERMINATION_LOG", accounts.TERMINATION_LOG)
    with contextlib.suppress(OSError):
        accounts.write(path, accounts.render(account))
    if account["outcome"] == "failed":
        with contextlib.suppress(OSError, ValueError):
            print(f"trainshed: {account.get('reason')}: {account.get('message')}", file=sys.stderr)  # noqa: T201
    pushing.send_within(context.read(), {**progress, "account": account}, seconds=PUSH_SECONDS)
    return int(account["exitCode"])


if __name__ == "__main__":
    raise SystemExit(main())
