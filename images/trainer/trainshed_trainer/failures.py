"""What a process's end says, where it left no account of its own."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import signal
from collections.abc import Sequence

from trainshed_trainer import accounts, errors

MAX_LISTED = 8
_NO_SCRIPT = re.compile(r"can't open file '([^']+)': \[Errno 2\]")
_NO_MODULE = re.compile(r"^\S*python\S*: (?:No module named|Error while finding module) .*$", re.M)
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Iteration|Warning)\b")
_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
_OOM_FILES = (
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
)


def classify(
    code: int, log: str, *, command: Sequence[str], folder: str, out_of_memory: bool
) -> accounts.Account:
    """Return class, reason, message and exit code of a process that failed.

    `code` is as `Popen.returncode` has it: a signal is negative; a shell tells of one as 128 and
    more. `log`: the end of its error output. `out_of_memory`: whether its cgroup's limit has
    killed a process meanwhile.
    """
    if code < 0 or 128 < code <= 128 + signal.NSIG:
        return _by_signal(-code if code < 0 else code - 128, out_of_memory=out_of_memory)
    if (lost := _lost(code, log, command, folder)) is not None:
        return lost
    last = raised(log)
    said = f"{last} (exit code {code})" if last and code != 1 else last
    ours = code == errors.EXIT_CONFIGURATION
    return {
        "class": "UserCode",
        "reason": "UserCodeFailed",
        "message": said or _ended(code, log),
        "exitCode": errors.EXIT_CONFIGURATION if ours else errors.EXIT_USER_CODE,
    }


def stopped(*, whole_step: bool) -> accounts.Account:
    """Return the account of a process that ended because it was told to."""
    done = "the present step was finished" if whole_step else "the command did not tell of its end"
    return {
        "outcome": "stopped",
        "class": "Preempted",
        "reason": "Stopped",
        "message": f"told to stop by SIGTERM; {done}",
        "exitCode": errors.EXIT_STOPPED,
    }


def not_started(name: str, folder: str, number: int | None) -> accounts.Account:
    """Return the account of a program that can't be started; `number` is the system's errno."""
    there = bool(name) and os.path.isfile(os.path.join(folder, name))
    if there:
        said = f"{name} is a file, but no program that can be started ({_strerror(number)})"
        todo = f"set source.entrypoint to what runs it, such as [python3, {name}]"
    elif number in (None, errno.ENOENT):
        said, todo = f"{name or 'no command'}: no such program, and {_listing(folder)}", ""
    else:
        said, todo = f"{name} can't be started: {_strerror(number)}; {_listing(folder)}", ""
    return _entry_point(f"{said}; {todo or 'set source.entrypoint'}")


def raised(log: str) -> str:
    """Return the line that names the last exception; nothing where there is none."""
    lines = log.splitlines()
    starts = [at for at, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if starts:
        after = (line for line in lines[starts[-1] + 1 :] if line and not line[0].isspace())
        if found := next(after, ""):
            return found[: accounts.MAX_MESSAGE]
    # The head of a long traceback is cut off; that of a syntax error never was.
    found = next((line for line in reversed(lines) if _RAISED.match(line)), "")
    return found[: accounts.MAX_MESSAGE]


def memory_kills() -> int:
    """Return how many processes the memory limit of this container has killed."""
    for path in _OOM_FILES:
        try:
            text = pathlib.Path(path).read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
        found = re.search(r"^oom_kill (\d+)", text, re.MULTILINE)
        return int(found.group(1)) if found else 0
    return 0


def _lost(code: int, log: str, command: Sequence[str], folder: str) -> accounts.Account | None:
    """Return the account of a script or module that an interpreter does not find."""
    if code == 2 and (script := _NO_SCRIPT.search(log)):
        return _no_file(script.group(1), folder)
    if code == 1 and (module := _NO_MODULE.search(log)) and _TRACEBACK not in log:
        return _entry_point(f"{module.group(0)}; {_listing(folder)}; set source.entrypoint")
    shell = len(command) > 1 and os.path.basename(command[0]) in _SHELLS
    if not shell or code not in (2, 127) or command[1].startswith("-"):
        return None
    found = os.path.exists(os.path.join(folder, command[1]))
    return None if found else _no_file(command[1], folder)


def _no_file(path: str, folder: str) -> accounts.Account:
    name = os.path.relpath(path, folder) if os.path.isabs(path) else path
    shown = path if name.startswith("..") else name
    return _entry_point(f"{shown}: {_listing(folder)}; set source.entrypoint")


def _entry_point(message: str) -> accounts.Account:
    return {
        "class": "UserCode",
        "reason": "EntryPointNotFound",
        "message": message,
        "exitCode": errors.EXIT_CONFIGURATION,
    }


def _listing(folder: str) -> str:
    """Return what is not in a folder by what is."""
    try:
        present = sorted(os.listdir(folder))
    except OSError:
        present = []
    more = f" and {len(present) - MAX_LISTED} more" if len(present) > MAX_LISTED else ""
    return f"no such file in {folder}: {', '.join(present[:MAX_LISTED]) or 'it is empty'}{more}"


def _strerror(number: int | None) -> str:
    return os.strerror(number) if number is not None else "unknown error"


def _ended(code: int, log: str) -> str:
    """Return a sentence with the exit code and the last line of the log."""
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    said = f"the command ended with exit code {code}"
    return f"{said}: {last}"[: accounts.MAX_MESSAGE] if last else said


def _by_signal(number: int, *, out_of_memory: bool) -> accounts.Account:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    code = 128 + number
    if number == signal.SIGKILL and out_of_memory:
        return {
            "class": "HostOOM",
            "reason": "HostOutOfMemory",
            "message": "the process used more memory than the container's limit: raise"
            " resources.memory or lower the batch size",
            "exitCode": code,
        }
    own = number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS)
    return {
        "class": "UserCode" if own else "Unknown",
        "reason": "ProcessKilled",
        "message": f"the process was ended by {name}",
        "exitCode": code,
    }
