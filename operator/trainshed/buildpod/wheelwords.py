"""What the words of who builds packages mean for a person. A stranger's: shown, and not trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainshed.api import reasons
from trainshed.buildpod import compilations, failing, objections, verdicts

BuildReason, Reason = reasons.BuildReason, reasons.Reason
_PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!=-]{0,150}")
_BUILT = re.compile(r"Failed to build|build backend returned|Failed to resolve requirements from")
_BUILDS = re.compile(r"Failed to (?:download and )?build `([^`]{1,150})`")
_OF_UV = re.compile(r"(hint|cause): |error: Failed to |\[std(out|err)\]$|[\u00d7\u251c\u2570]")
"""What it puts around the words of a build; its hints are for who publishes the package."""
_LINES = 14
_KILLED = "137"
_FULL = "no space left on device"
_ELSEWHERE = (BuildReason.INDEX_UNREACHABLE, BuildReason.INDEX_CERTIFICATE_UNKNOWN)
"""What no change of the package would mend, also where uv meets it while it builds one."""
_ADVICE: Mapping[str, str] = {
    BuildReason.WHEEL_MISSING: (
        "it has neither a wheel that fits the base, nor a source distribution: ask for a version"
        " that has one"
    ),
    BuildReason.INDEX_UNAUTHORIZED: (
        "packages are built where no Secret is, so from an index that needs none: name such a one"
        " in source.requirements.index, or have wheels in yours and remove wheelsOnly"
    ),
    BuildReason.INDEX_CERTIFICATE_UNKNOWN: (
        "have the certificate of its authority in builder.index.ca of the chart"
    ),
}


def of(stage: str, said: str, index: str, *, code: str = "1") -> failing.BuildFailed:
    """Return why there are no packages: what was done then, and what was said.

    `code`: the exit code of it all.
    """
    told = verdicts.lines(said)
    text = "\n".join(told[-60:])
    if (
        code == _KILLED
        or not told
        or re.search(r"Killed signal|signal: killed|signal: 9|bad_alloc|MemoryError", text)
    ):
        return failing.BuildFailed(
            Reason.BUILD_OUT_OF_MEMORY,
            "building packages was killed, as for want of memory: have builder.resources of the"
            " chart raised, or ask for versions that have a wheel; then create the job anew",
        )
    if not stage:
        return failing.BuildFailed(
            BuildReason.WHEEL_BUILD_FAILED,
            "packages can't be built here, as in a development image without a python3 of 3.11 or"
            " newer: have images.devel of the chart name another; it said:"
            f" {verdicts.one_line(told[-3:])}",
        )
    if re.search(_FULL, text, re.IGNORECASE):
        return objections.of(_FULL, index)
    if stage.startswith("fetch"):
        return _fetched(text, index)
    built = stage.startswith("build") or _BUILT.search(text) is not None
    # What a build itself says of networks and the like is a matter of that package.
    own = [each for each in told if not built or _OF_UV.match(each)]
    meant = objections.of("\n".join(own), index, advice=_ADVICE)
    if built and meant.reason not in _ELSEWHERE:
        return failing.BuildFailed(
            BuildReason.WHEEL_BUILD_FAILED,
            f"{_named(stage, text)} has no wheel, and its build from source failed: ask for a"
            " version that has a wheel, or mend what it lacks; it said:"
            f" {verdicts.one_line(_telling(told))}",
        )
    return meant


def _fetched(text: str, index: str) -> failing.BuildFailed:
    if "hash mismatch" in text or "names no address" in text:
        return failing.BuildFailed(
            BuildReason.PACKAGE_INVALID,
            f"{text[-600:]}: see what the index {index[:200]} has there, or ask for another"
            " version",
        )
    return failing.BuildFailed(
        BuildReason.INDEX_UNREACHABLE,
        f"{text[-600:]}: it is tried again; see that {index[:200]} answers and that network"
        " policies let build pods reach it",
        terminal=False,
    )


def _named(stage: str, text: str) -> str:
    """Return the package that was built: by us, or by uv when it asked what that requires."""
    by_uv = _BUILDS.search(text)
    what = _PIN.fullmatch(stage.partition(" ")[2] or (by_uv[1] if by_uv else ""))
    return what[0] if what else "a package"


def _telling(told: list[str]) -> list[str]:
    """Return the lines that tell a cause: the build's own, else uv's."""
    kept = [each for each in told if not _OF_UV.match(each)]
    if any(map(compilations.tells, kept)):
        return compilations.telling(kept)
    return [each for each in told if not each.startswith("hint:")][-_LINES:]
