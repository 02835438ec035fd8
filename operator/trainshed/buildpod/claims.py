"""Finds the folder of a claim that a job's code is in."""

from __future__ import annotations

import pathlib

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import orders


def folder(claim: orders.Claim, mount: pathlib.Path) -> pathlib.Path:
    """Return the folder of the code on a mounted claim; raises BuildFailed."""
    try:
        found = (mount / claim.path).resolve()
        inside = found.is_relative_to(mount.resolve()) and found.is_dir()
    except (OSError, RuntimeError):  # a link to itself, or a folder that is not ours to enter
        inside = False
    if not inside:
        raise failing.BuildFailed(
            reasons.BuildReason.SOURCE_PATH_NOT_FOUND,
            f"claim {claim.name} has no folder {claim.path!a} that user 65532 can enter: create"
            " the job anew with claim.path set to one that it has, or let everybody read it",
        )
    return found
