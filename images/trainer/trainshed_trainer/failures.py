"""What a process's end says, where it left no account of its own."""

from __future__ import annotations

import pathlib
import re
import signal

from trainshed_trainer import accounts, errors

_NO_SCRIPT = re.compile(r"can't open file '([^']+)': \[Errno 2\]")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Iteration|Warning)\b")
_OOM_FILES = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)


def classify(code: int, tail: str, *, folder: str) -> accounts.Account:
    """Return class, reason, message and exit code of a process that failed.

    `code` is as `Popen.returncode` has it: a signal is negative. `tail`: the end of its log.
    """
    missing = _NO_SCRIPT.search(tail)
    if code == 2 and missing:
        return entry_point_not_found(pathlib.Path(missing.group(1)).name, folder)
    if code < 0:
        return _by_signal(-code)
    if code == errors.EXIT_CONFIGURATION:
        class_, exit_code = "Data", errors.EXIT_CONFIGURATION
    else:
        class_, exit_code = "UserCode", errors.EXIT_USER_CODE
    return {
        "class": class_,
        "reason": "UserCodeFailed",
        "message": raised(tail) or f"the command ended with exit code {code}",
        "exitCode": exit_code,
    }


def entry_point_not_found(name: str, folder: str) -> accounts.Account:
    """Return the account of a command or script that does not exist."""
    try:
        present = sorted(each.name for each in pathlib.Path(folder).iterdir())
    except OSError:
        present = []
    listed = ", ".join(present[:8]) or "nothing"
    return {
        "class": "UserCode",
        "reason": "EntryPointNotFound",
        "message": f"entry point {name!r} is neither a program nor a file; {folder} has {listed}:"
        " create the job anew with source.entrypoint set to one of them",
        "exitCode": errors.EXIT_CONFIGURATION,
    }


def raised(tail: str) -> str:
    """Return the last line of the last traceback; nothing where there is none."""
    for line in reversed(tail.splitlines()):
        if _RAISED.match(line):
            return line[:1024]
    return ""


def _by_signal(number: int) -> accounts.Account:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number == signal.SIGKILL and out_of_memory():
        return {
            "class": "HostOOM",
            "reason": "HostOutOfMemory",
            "message": "the process used more memory than the container's limit",
            "exitCode": 128 + number,
        }
    return {
        "class": "UserCode" if number in (signal.SIGSEGV, signal.SIGABRT) else "Unknown",
        "reason": "ProcessKilled",
        "message": f"the process was ended by {name}",
        "exitCode": 128 + number,
    }


def out_of_memory() -> bool:
    """Return whether this container's memory limit has killed a process."""
    for path in _OOM_FILES:
        try:
            text = pathlib.Path(path).read_text(encoding="ascii")
        except OSError:
            continue
        return re.search(r"^oom_kill [1-9]", text, re.MULTILINE) is not None
    return False
