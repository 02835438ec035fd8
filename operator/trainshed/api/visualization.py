"""`spec.visualization`: what a run leaves for people to look at, and where."""

from __future__ import annotations

import pydantic

from trainshed.api import base, volumes

MOUNT = "/artifacts"
"""Where `visualization.volume` is mounted."""


class Profile(base.Model):
    """A trace of some steps by the framework's own profiler."""

    at_step: int = pydantic.Field(
        default=100, ge=0, le=1_000_000_000, description="How many steps are done when it begins."
    )
    steps: int = pydantic.Field(
        default=10, ge=1, le=100, description="Steps that are traced; each makes the file larger."
    )


class TensorBoard(base.Model):
    """Event files for TensorBoard, in the folder tensorboard."""

    enabled: bool = pydantic.Field(
        description="Whether curves, the model's graph and the spec are written."
    )


class Visualization(base.Model):
    """Files to look at, each job's in a folder of its own: NAMESPACE/NAME."""

    volume: volumes.OwnClaim = pydantic.Field(
        description="A claim, mounted at /artifacts. A built-in model writes report.html; your own "
        "code what it likes, to TRAINSHED_ARTIFACTS_DIR."
    )
    tensorboard: TensorBoard | None = pydantic.Field(
        default=None, description="Event files for TensorBoard; default: none."
    )
    profile: Profile | None = pydantic.Field(
        default=None,
        description="Traces some steps of rank 0, into the folder traces. {}: with the defaults.",
    )


MOUNTED = volumes.free(
    "has(self.visualization)", MOUNT, "visualization.volume is mounted at /artifacts"
)
OWN_CODE = base.rule(
    "has(self.model) || !has(self.visualization)"
    " || (!has(self.visualization.tensorboard) && !has(self.visualization.profile))",
    "your own code writes what it shows itself, to TRAINSHED_ARTIFACTS_DIR: of visualization only"
    " volume is for it",
)
SHOWS = base.rule(
    "!has(self.evaluation) || !self.evaluation.visual || has(self.visualization)",
    "evaluation.visual is shown in the report: give visualization.volume, a claim to write it to",
)
