"""What git's own words mean for a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import orders

BuildReason, Reason = reasons.BuildReason, reasons.Reason

_SHOWN = 300


def of(said: str, git: orders.Git, *, submodule: bool = False) -> failing.BuildFailed:
    """Return the failure that git told of on its standard error.

    `submodule`: it is of another repository than the one that the order names.
    """
    for pattern, reason, advice, terminal in _TOLD:
        if re.search(pattern, said, re.IGNORECASE):
            other = _OF_SUBMODULES.get(reason) if submodule else None
            message = f"{_shown(said)}: {other or advice(git)}"
            return failing.BuildFailed(reason, message, terminal=terminal)
    return failing.BuildFailed(
        Reason.SOURCE_UNREADABLE,
        f"{_shown(said)}: it is tried again; see that git can clone {git.url[:200]} from the"
        " cluster",
        terminal=False,
    )


def _shown(said: str) -> str:
    """Return git's last words that tell a cause, in one line: they are not ours to trust."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"(fatal|error|remote|ssh|host key)", line, re.I)]
    text = "; ".join((told or lines)[:3]) or "git failed without a word"
    return "".join(each for each in text if each.isprintable())[:_SHOWN]


def _key(git: orders.Git) -> str:
    if not git.secret:
        return "name a Secret with its credentials in git.secretRef"
    return f"see that Secret {git.secret} holds an account, or a key, that may read the repository"


_OF_SUBMODULES: Mapping[str, str] = {
    BuildReason.SOURCE_REF_NOT_FOUND: (
        "push the commit that the repository names to the submodule's own, or commit another"
    ),
    Reason.SOURCE_NOT_FOUND: (
        "mend its address in .gitmodules; a private one must be open to the Secret in git.secretRef"
    ),
}
"""What to do where git.url and git.ref are not at fault."""
Advice = Callable[[orders.Git], str]
_TOLD: tuple[tuple[str, str, Advice, bool], ...] = (
    (
        # First: a disk that is full also ends the connection.
        r"no space left on device",
        BuildReason.BUILD_NODE_FULL,
        lambda git: "it is tried again; see that the node has disk to spare",
        False,
    ),
    (
        r"couldn't find remote ref|not our ref|unadvertised object|no such ref",
        BuildReason.SOURCE_REF_NOT_FOUND,
        lambda git: (
            f"push {git.ref} to the repository, or create the job anew with another git.ref"
        ),
        True,
    ),
    (
        r"host key verification failed|no .* host key is known|REMOTE HOST IDENTIFICATION",
        BuildReason.SOURCE_HOST_KEY_UNKNOWN,
        lambda git: (
            "put the host's line of ssh-keyscan into the key known_hosts of Secret "
            + (git.secret or "git.secretRef")
        ),
        True,
    ),
    (
        r"authentication failed|could not read (username|password)|permission denied \("
        r"|invalid credentials|returned error: 401|access denied",
        BuildReason.SOURCE_UNAUTHORIZED,
        _key,
        True,
    ),
    (
        r"returned error: 30\d",
        Reason.SOURCE_NOT_FOUND,
        lambda git: "the server sends on to another address: put that one into git.url",
        True,
    ),
    (
        r"returned error: 403",
        BuildReason.SOURCE_UNAUTHORIZED,
        # Some servers say so to those who ask too often.
        lambda git: f"it is tried again; {_key(git)}",
        False,
    ),
    (
        r"server certificate|ssl certificate|certificate verif|self[- ]signed",
        BuildReason.SOURCE_CERTIFICATE_UNKNOWN,
        lambda git: (
            "put the authority's certificate into the key ca.crt of the Secret in git.secretRef"
        ),
        True,
    ),
    (
        r"repository .*not found|does not appear to be a git repository|returned error: 404"
        r"|not valid: is this a git repository",
        Reason.SOURCE_NOT_FOUND,
        lambda git: "mend git.url; a private repository needs git.secretRef",
        True,
    ),
    (
        r"transport '.*' not allowed",
        BuildReason.SOURCE_NOT_ALLOWED,
        lambda git: "only https, http and ssh are cloned: change the submodule's URL",
        True,
    ),
    (
        r"could not resolve host|connection (refused|timed out|reset)|failed to connect"
        r"|couldn't connect|network is unreachable|could not resolve hostname|early eof"
        r"|hung up|returned error: 5|operation too slow",
        BuildReason.SOURCE_UNREACHABLE,
        lambda git: (
            "it is tried again; see that the git server runs and that network policies let"
            " build pods reach it"
        ),
        False,
    ),
)
