"""What a place of checkpoints refuses, in the words of who has to mend it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from trainshed_trainer import errors

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def reading(what: str, place: str) -> Iterator[None]:
    """Turn an OSError into a CheckpointError: what can't be read may be whole all the same."""
    try:
        yield
    except OSError as error:
        raise errors.CheckpointError(
            f"{what} can't be read ({error}): {_readable(place)}, and create the job anew",
            reason="CheckpointUnreadable",
        ) from error


@contextlib.contextmanager
def writing(place: str) -> Iterator[None]:
    """Turn an OSError into a CheckpointError."""
    try:
        yield
    except OSError as error:
        raise unwritable(place, error) from error


def unwritable(place: str, error: Exception) -> errors.CheckpointError:
    """Return the error for a place that could not be written."""
    if getattr(error, "errno", None) in FULL:
        return errors.CheckpointError(
            f"no room for a checkpoint in {place} ({error}): give the volume more room, or lower"
            " checkpoint.keep; it holds one more than that for a moment",
            reason="CheckpointVolumeFull",
        )
    return errors.CheckpointError(
        f"checkpoints can't be written to {place} ({error}): {_writable(place, error)}",
        reason="CheckpointNotWritable",
    )


def _readable(place: str) -> str:
    if _is_storage(place):
        return _storage("read")
    return (
        "see that the volume is sound, and readable for the user of the pod, such as by pod.fsGroup"
    )


def _writable(place: str, error: Exception) -> str:
    if _is_storage(place):
        return _storage("write and delete")
    if getattr(error, "errno", None) == errno.EROFS:
        return (
            "it is mounted read-only: name a claim in checkpoint.volume that may be written to, and"
            " see that its disk is sound, since a system makes one with faults read-only"
        )
    return "make it writable for the user of the pod, such as by pod.fsGroup"


def _storage(do: str) -> str:
    return (
        "see that its bucket is there and AWS_ENDPOINT_URL is right, and that checkpoint.secretRef"
        f" gives credentials that may {do} there"
    )


def _is_storage(place: str) -> bool:
    return "://" in place
