"""What of a spec the schema can't see, but the operator knows at once."""

from __future__ import annotations

import json

import pydantic

from trainshed.api import reasons, spec
from trainshed.core import observed, scripts


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
    return scripts.missing(source.entrypoint, source.inline.files)
