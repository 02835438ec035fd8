"""`python3 -m trainshed_trainer.launch -- COMMAND…`: process 1 of a training container.

It starts the command, once for each process of its pod and each in a process group of its own,
forwards signals, reaps what they leave behind, and passes their error output through. When all
have ended, or one has failed, it writes the final account to the termination log and pushes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed_trainer import (
    accounts,
    claims,
    context,
    errors,
    failures,
    leaving,
    processes,
    pushing,
    rendezvous,
)

TAIL_CHARACTERS = 2048
PUSH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """The account of a process, and the last progress that it told."""

    account: accounts.Account
    progress: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether the others can't go on."""
        return bool(self.account["outcome"] == "failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the launcher's exit code."""
    forwarder = processes.Forwarder()
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[1:] if given[:1] == ["--"] else given
    started = time.time()
    try:
        return _run(command, forwarder, started)
    except Exception as error:  # whatever is wrong with us, the job must learn of it
        traceback.print_exc()
        account = {
            "outcome": "failed",
            "class": "Unknown",
            "reason": "LauncherFailed",
            "message": f"the launcher failed: {type(error).__name__}: {error}",
            "exitCode": errors.EXIT_USER_CODE,
        }
        return _end(Told(account), started)


def _run(command: Sequence[str], forwarder: processes.Forwarder, started: float) -> int:
    """Run a command in all processes of this pod; return the launcher's exit code."""
    pod = rendezvous.read()
    if not command:
        return _end(_not_started("", pod, None), started)
    for name in ("TRAINSHED_CHECKPOINT_DIR", "TRAINSHED_ARTIFACTS_DIR"):
        _make_folder(os.environ.get(name, ""))
    try:
        with processes.Group(command, pod, forwarder) as group:
            told = _first(group, command, pod)
            # Before the words of it, which may take seconds: they wait for it in vain.
            group.tell(signal.SIGTERM)
            return _end(told, started)
    except processes.NotStarted as error:
        return _end(_not_started(command[0], pod, error.number), started)


def _first(group: processes.Group, command: Sequence[str], pod: rendezvous.Pod) -> Told:
    """Return what the first that failed told, else the pod's first process; all have ended then."""
    spoken: Told | None = None
    while (ended := group.next()) is not None:
        told = _told(ended, command)
        if told.failed:
            return told
        if spoken is None or ended.rank == pod.rank(0):
            spoken = told
    assert spoken is not None
    return spoken


def _told(ended: processes.Ended, command: Sequence[str]) -> Told:
    left = accounts.read(ended.account_file) or {}
    account = _account(ended, claims.account(left.get("account")), command=command)
    return Told({**account, "rank": ended.rank}, claims.progress(left.get("progress")))


def _not_started(name: str, pod: rendezvous.Pod, number: int | None) -> Told:
    said = failures.not_started(name, os.getcwd(), number)
    return Told({"outcome": "failed", "rank": pod.rank(0), **said})


def _make_folder(path: str) -> None:
    """Make a folder of the job's own, for code that expects it; a URI needs none."""
    if path.startswith("/"):
        with contextlib.suppress(OSError):
            os.makedirs(path, exist_ok=True)


def _account(
    ended: processes.Ended, left: accounts.Account, *, command: Sequence[str]
) -> accounts.Account:
    """Return the final account: the rank's own, completed by how it ended."""
    ending = ("outcome", "class", "reason", "message")
    figures = {name: value for name, value in left.items() if name not in ending}
    if _was_stopped(ended, left):
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


def _was_stopped(ended: processes.Ended, left: accounts.Account) -> bool:
    """Return whether a process ended because it was told to, however it says so."""
    if left.get("outcome") == "stopped":
        return ended.code in (0, errors.EXIT_STOPPED)
    if not ended.told_to_stop:
        return False
    # Those that were told a moment earlier may have left it alone.
    if left.get("class") == errors.PeersLost.failure_class:
        return True
    # It had no handler yet, or never has one; a shell adds 128.
    return ended.code in (-signal.SIGTERM, 128 + signal.SIGTERM)


def _end(told: Told, started: float) -> int:
    """Write and push the final account; return the exit code."""
    account = {**accounts.blank(), "startTime": started, **told.account, "endTime": time.time()}
    path = os.environ.get("TRAINSHED_TERMINATION_LOG", accounts.TERMINATION_LOG)
    with contextlib.suppress(OSError):
        accounts.write(path, accounts.render(account))
    if account["outcome"] == "failed":
        with contextlib.suppress(OSError, ValueError):
            print(f"trainshed: {account.get('reason')}: {account.get('message')}", file=sys.stderr)  # noqa: T201
    known, body = context.read(), {**told.progress, "account": account}
    pushing.send_within(known, body, seconds=PUSH_SECONDS)
    return int(account["exitCode"])


if __name__ == "__main__":
    leaving.after(main)
