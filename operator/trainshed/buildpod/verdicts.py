"""What an engine's last words mean for a person. They are a stranger's: shown, and not trusted."""

from __future__ import annotations

import re
from collections.abc import Callable

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import dockerfiles

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_LINES = 12
_SHOWN = 900
_STEP = re.compile(r"STEP \d+/\d+: |#\d+ \[[^\]]*\d+/\d+\] ")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def of(said: str, asked: dockerfiles.Dockerfile) -> failing.BuildFailed:
    """Return why there is no image: by the engine's own words, which come last, else a step's."""
    told = lines(said)
    for pattern, reason, advice, terminal in _TOLD:
        if re.search(pattern, "\n".join(told[-_LINES:]), re.IGNORECASE):
            message = f"{advice(asked)}; the engine said: {one_line(told[-3:])}"
            return failing.BuildFailed(reason, message, terminal=terminal)
    shown = one_line(_of_the_last_step(told)) or "nothing"
    return failing.BuildFailed(
        BuildReason.DOCKERFILE_FAILED,
        f"{asked.path[:100]} can't be built: mend the step that failed, create the job anew; its"
        f" last lines: {shown}",
    )


def _of_the_last_step(told: list[str]) -> list[str]:
    """Return the last lines, and none of a step before: a base's layers tell nobody a cause."""
    last = told[-_LINES:]
    begun = [index for index, line in enumerate(last) if _STEP.match(line)]
    found = last[begun[-1] :] if begun else last
    return list(dict.fromkeys(found))


def lines(said: str) -> list[str]:
    """Return what an engine said without colours and blanks."""
    plain = _COLOURS.sub("", said)
    found = ("".join(each for each in line if each.isprintable()) for line in plain.splitlines())
    return [line.strip() for line in found if line.strip()]


def one_line(told: list[str]) -> str:
    """Return lines as one text: its end, where it is too long."""
    return " | ".join(told)[-_SHOWN:]


_PULLS = (
    r"(initializing source|reading manifest|pinging container registry|creating build container"
    r"|failed to resolve source metadata|unable to copy from source|pull access denied)"
)
Advice = Callable[[dockerfiles.Dockerfile], str]
_TOLD: tuple[tuple[str, str, Advice, bool], ...] = (
    (
        r"no space left on device|disk quota exceeded",
        BuildReason.BUILD_NODE_FULL,
        lambda asked: "it is tried again; see that the node has disk to spare",
        False,
    ),
    (
        r"newuidmap|newgidmap|cannot clone|CLONE_NEWUSER|\[rootlesskit:\w+ *\] error",
        BuildReason.STRATEGY_UNAVAILABLE,
        lambda asked: (
            "the engine did not start, as on a node that lets it make no user namespace: ask who"
            " runs the cluster for nodes that do, or use image.strategy: layer"
        ),
        True,
    ),
    (
        rf"{_PULLS}.*(unauthorized|authentication required|denied|forbidden)",
        "RegistryUnauthorized",
        lambda asked: (
            "a base image can't be read: name a Secret that may read it in image.pullSecrets"
        ),
        True,
    ),
    (
        rf"{_PULLS}.*(manifest unknown|not found|name unknown|404)",
        "BaseImageNotFound",
        lambda asked: "a base image is not there: push it, or name another one in FROM",
        True,
    ),
    (
        rf"{_PULLS}.*(x509|certificate)",
        "RegistryCertificateUnknown",
        lambda asked: "a base image's registry has a certificate that nobody here knows",
        True,
    ),
    (
        rf"{_PULLS}.*(server gave HTTP response|no such host|refused|timeout|unreachable|reset"
        r"|server misbehaving|50[0-9])",
        "RegistryUnavailable",
        lambda asked: (
            "it is tried again: a base image's registry does not answer; see that build pods may"
            " reach it"
        ),
        False,
    ),
    (
        r"(exit status|exit code:?) 137|signal: killed|exited on killed",
        Reason.BUILD_OUT_OF_MEMORY,
        lambda asked: (
            "a step was killed, as for want of memory: make it smaller, or have"
            " builder.dockerfile.resources of the chart raised"
        ),
        True,
    ),
)
