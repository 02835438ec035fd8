"""Whether the script is there that an entry point names. Knows nothing of the schema."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Sequence

from trainshed.api import reasons
from trainshed.core import observed

_FOLDER = "/app"


def missing(entrypoint: Sequence[str], files: Collection[str]) -> observed.Refusal | None:
    """Return a refusal when `python FILE` names a file that the source lacks.

    Only this plain form is looked at: any other entry point may be a program of the image, and
    the launcher says what it does not find.
    """
    program, *arguments = entrypoint
    if program not in ("python", "python3") or not arguments or arguments[0].startswith("-"):
        return None
    path = posixpath.normpath(posixpath.join(_FOLDER, arguments[0]))
    outside = path != _FOLDER and not path.startswith(_FOLDER + "/")
    script = posixpath.relpath(path, _FOLDER)
    if outside or script in files or posixpath.normpath(f"{script}/__main__.py") in files:
        return None
    names = ", ".join(sorted(files)[:8])
    return observed.Refusal(
        reason=reasons.Reason.ENTRY_POINT_NOT_FOUND,
        message=f"entry point {arguments[0]!r} is not among the files ({names}): "
        "create the job anew with source.entrypoint set to one of them",
        terminal=True,
    )
