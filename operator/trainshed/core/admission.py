"""What of a spec the schema can't see, but the operator knows at once."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Sequence

import pydantic

from trainshed.api import reasons, spec
from trainshed.core import observed

_FOLDER = "/app"


def read(view: observed.TrainingJobView) -> spec.TrainingJobSpec | observed.Refusal:
    """Return the spec, or why it can't be run."""
    try:
        found = spec.TrainingJobSpec.model_validate(json.loads(view.spec))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"])
        return observed.Refusal(
            reason=reasons.Reason.SPEC_INVALID,
            message=f"spec.{where}: {first['msg']}; upgrade the operator or create the job anew",
            terminal=False,
        )
    missing = _missing_entry_point(found)
    return missing or found


def _missing_entry_point(found: spec.TrainingJobSpec) -> observed.Refusal | None:
    source = found.source
    if source is None or source.inline is None:
        return None
    return missing_script(source.entrypoint, source.inline.files)


def missing_script(entrypoint: Sequence[str], files: Collection[str]) -> observed.Refusal | None:
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
