"""`spec.visualization`: what a run leaves for people to look at, and where."""

from __future__ import annotations

import pydantic

from trainshed.api import base, volumes

MOUNT = "/artifacts"
"""Where `visualization.volume` is mounted."""


class Visualization(base.Model):
    """Files to look at, each job's in a folder of its own: NAMESPACE/NAME."""

    volume: volumes.OwnClaim = pydantic.Field(
        description="A claim, mounted at /artifacts. A built-in model writes report.html; your own "
        "code what it likes, to TRAINSHED_ARTIFACTS_DIR."
    )


MOUNTED = volumes.free(
    "has(self.visualization)", MOUNT, "visualization.volume is mounted at /artifacts"
)
SHOWS = base.rule(
    "!has(self.evaluation) || !self.evaluation.visual || has(self.visualization)",
    "evaluation.visual is shown in the report: give visualization.volume, a claim to write it to",
)
