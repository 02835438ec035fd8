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
from collections.abc import Sequence
from types import FrameType
from typing import Any

from trainshed_trainer import accounts, context, errors, failures, pushing, tails

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
TAIL_SECONDS = 2.0
PUSH_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the launcher's exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[1:] if given[:1] == ["--"] else given
    started = time.time()
    folder = os.getcwd()
    if not command:
        said: accounts.Account = failures.entry_point_not_found("", folder)
        return _end({"outcome": "failed", **said}, {}, started)
    path = os.path.join(tempfile.gettempdir(), f"trainshed-account-{os.getpid()}.json")
    try:
        code, tail = _run(_resolved(command), path)
    except OSError as error:
        said = failures.entry_point_not_found(command[0], folder)
        if not isinstance(error, FileNotFoundError):
            said["message"] = f"entry point {command[0]!r} can't be started: {error.strerror}"
        return _end({"outcome": "failed", **said}, {}, started)
    left = accounts.read(path) or {}
    with contextlib.suppress(OSError):
        os.unlink(path)
    return _end(_account(code, tail, _part(left, "account")), _part(left, "progress"), started)


def _part(left: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of what a rank left: its process may have written anything."""
    found = left.get(name)
    return found if isinstance(found, dict) else {}


def _resolved(command: list[str]) -> list[str]:
    """Return the command with `python` as this Python, where the image only has python3."""
    if command[0] == "python" and shutil.which("python") is None:
        return [sys.executable, *command[1:]]
    return command


def _run(command: Sequence[str], account_file: str) -> tuple[int, str]:
    environment = {**os.environ, "TRAINSHED_ACCOUNT_FILE": account_file}
    child: subprocess.Popen[bytes] | None = None
    pending: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if child is None:
            pending.append(number)
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    child = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    for early in pending:
        forward(early, None)
    assert child.stderr is not None
    tail = tails.Tail(child.stderr, sys.stderr.buffer)  # type: ignore[arg-type]
    code = _wait(child.pid)
    child.returncode = code
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return code, tail.text(wait=TAIL_SECONDS)


def _wait(pid: int) -> int:
    """Wait for one process and reap every other on the way: we are process 1."""
    while True:
        found, status = os.wait()
        if found == pid:
            return os.waitstatus_to_exitcode(status)


def _account(code: int, tail: str, left: accounts.Account) -> accounts.Account:
    """Return the final account: the rank's own, completed by how it ended."""
    if code == 0:
        return {"outcome": "succeeded", **left, "exitCode": errors.EXIT_DONE}
    if code == errors.EXIT_STOPPED and left.get("outcome") == "stopped":
        stopped = {"message": "told to stop; the present step was finished", "reason": "Stopped"}
        return {**left, **stopped, "class": "Preempted", "exitCode": errors.EXIT_STOPPED}
    said = failures.classify(code, tail, folder=os.getcwd())
    if left.get("reason"):
        said = {**said, **{key: left[key] for key in ("class", "reason", "message") if key in left}}
    return {**left, **said, "outcome": "failed", "logTail": tail}


def _end(account: accounts.Account, progress: dict[str, Any], started: float) -> int:
    known = context.read()
    account = {"v": 1, "startTime": started, **account, "endTime": time.time()}
    text = accounts.render(account)
    path = os.environ.get("TRAINSHED_TERMINATION_LOG", accounts.TERMINATION_LOG)
    with contextlib.suppress(OSError):
        accounts.write(path, text)
    if account["outcome"] == "failed":
        print(f"trainshed: {account.get('reason')}: {account.get('message')}", file=sys.stderr)  # noqa: T201
    pushing.send(known, {**progress, "account": account}, timeout=PUSH_SECONDS)
    return int(account["exitCode"])


if __name__ == "__main__":
    raise SystemExit(main())
