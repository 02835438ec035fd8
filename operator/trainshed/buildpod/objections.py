"""What uv's own words mean for a person. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainshed.api import reasons
from trainshed.buildpod import failing

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_SHOWN = 900
_NO_WHEEL = re.compile(
    r"no (usable|compatible) wheels|no wheels with |no available distributions"
    r"|only unsupported wheel variants"
)


def of(said: str, index: str, *, advice: Mapping[str, str] | None = None) -> failing.BuildFailed:
    """Return the failure that uv told of on its standard error.

    `advice`: what to do by the reason, in place of what is said here.
    """
    plain, other = " ".join(said.split()), advice or {}
    for pattern, reason, usual, terminal in _TOLD:
        if re.search(pattern, plain, re.IGNORECASE):
            told = other.get(reason, usual).format(index=index[:200])
            message = f"{_shown(said)}: {told}"
            return failing.BuildFailed(reason, message, terminal=terminal)
    return failing.BuildFailed(
        Reason.BUILD_FAILED,
        f"uv could not go on: {_shown(said)}: it is tried again; read the pod's log",
        terminal=False,
    )


def lacks_wheel(said: str) -> bool:
    """Return whether uv told that an index answered, and has no wheel that fits."""
    plain = " ".join(said.split())
    return "No solution found" in plain and _NO_WHEEL.search(plain) is not None


def _shown(said: str) -> str:
    """Return uv's words in one line, without what only its own developers need."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = " ".join(re.sub(r"^(error|cause|hint):\s*", "", each) for each in lines)
    text = "".join(each for each in text if each.isprintable())
    text = re.sub(r"^No solution found when resolving dependencies\s*", "", text)
    text = re.sub(r"^Request failed after \d+ retr(y|ies) in [\d.]+m?s\s*", "", text)
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
    return short.rstrip(".") or "uv failed without a word"


_TOLD: tuple[tuple[str, str, str, bool], ...] = (
    (
        r"no space left on device|os error 28\b",
        BuildReason.BUILD_NODE_FULL,
        "it is tried again; see that the node has disk to spare",
        False,
    ),
    (
        r"\b(401 Unauthorized|403 Forbidden)\b|missing credentials|credentials (are|were) not",
        BuildReason.INDEX_UNAUTHORIZED,
        "name a Secret with username and password for {index} in source.requirements.indexSecret",
        True,
    ),
    (
        r"invalid peer certificate|UnknownIssuer|certificate verify",
        BuildReason.INDEX_CERTIFICATE_UNKNOWN,
        "put the certificate of the authority of {index} into the key ca.crt of the Secret in"
        " source.requirements.indexSecret",
        True,
    ),
    (
        r"error sending request|client error|dns error|connection (refused|reset)|timed? ?out"
        r"|server error \(5|error decoding response body|IncompleteMessage|broken pipe",
        BuildReason.INDEX_UNREACHABLE,
        "it is tried again; see that {index} answers and that network policies let build pods"
        " reach it",
        False,
    ),
    (
        r"no usable wheels|Wheels are required for|building from source is disabled"
        r"|has no wheels? with a matching|no wheels are (available|usable)"
        r"|no (compatible|matching) wheel",
        BuildReason.WHEEL_MISSING,
        "ask for a version that has a wheel for the base's Python, have a wheel of it in an index,"
        " or have it built by source.requirements.wheelsOnly: false",
        True,
    ),
    (
        r"was not found in the package registry|not found in the registry|404 Not Found",
        BuildReason.PACKAGE_NOT_FOUND,
        "mend its name, or name an index that has it in source.requirements.index; {index} was"
        " asked",
        True,
    ),
    (
        r"unsatisfiable|cannot be used|incompatible|conflict",
        BuildReason.REQUIREMENTS_CONFLICT,
        "change the requirements, or use an image.base that has other versions: what the base has"
        " is never replaced",
        True,
    ),
    (
        r"hash mismatch|hashes? (do|does) not match|Failed to (extract|read|unzip|unpack)"
        r"|invalid (zip|wheel)|unsafe|outside|traversal|RECORD|not a valid|malformed|metadata",
        BuildReason.PACKAGE_INVALID,
        "see what the index {index} has there, or ask for another version",
        True,
    ),
)
