"""`spec.checkpoint`: where the state of a run is kept, and what a run starts from."""

from __future__ import annotations

import enum
from typing import Annotated

import pydantic

from trainshed.api import base, image, volumes

MOUNT = "/checkpoints"
"""Where `checkpoint.volume` is mounted."""

Uri = Annotated[str, pydantic.Field(max_length=1024, pattern=r"^(s3|gs)://[^\s/]+(/[^\s/]+)*$")]
JobName = Annotated[str, pydantic.Field(min_length=1, max_length=50, pattern=base.DNS_LABEL)]


class Resume(enum.StrEnum):
    """Whether a run goes on from the last checkpoint of its folder."""

    AUTO = "auto"
    NEVER = "never"


class CheckpointFrom(base.Model):
    """Another job whose weights this one starts with."""

    job: JobName = pydantic.Field(
        description="A TrainingJob that wrote checkpoints to the same place; it may be gone."
    )


class Checkpoint(base.Model):
    """Checkpoints, each job's in a folder of its own: NAMESPACE/NAME."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "has(self.volume) != has(self.uri)",
                "checkpoint needs exactly one of volume (a claim) and uri (object storage)",
            ),
            base.rule(
                "has(self.uri) || !has(self.secretRef)",
                "checkpoint.secretRef is for uri: remove it",
            ),
        )
    )

    volume: volumes.OwnClaim | None = pydantic.Field(
        default=None, description="A claim, mounted at /checkpoints."
    )
    uri: Uri | None = pydantic.Field(
        default=None, description="Object storage, such as s3://bucket/checkpoints; also gs://."
    )
    secret_ref: image.SecretName | None = pydantic.Field(
        default=None,
        description="A Secret whose keys become variables, such as AWS_ACCESS_KEY_ID: the "
        "credentials for uri.",
    )
    every_seconds: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=86_400,
        description="Time between two checkpoints; default 300. One is written at the end too, and "
        "when the job is told to stop.",
    )
    keep: int | None = pydantic.Field(
        default=None, ge=1, le=100, description="How many of the last ones stay; default 2."
    )
    resume: Resume | None = pydantic.Field(
        default=None,
        description="auto (default): a job of the same name goes on where the last one was; never: "
        "it starts anew.",
    )
    from_: CheckpointFrom | None = pydantic.Field(
        default=None,
        alias="from",
        description="Starts with the weights of another job's last checkpoint, to fine-tune; not "
        "where the job has checkpoints of its own to go on from.",
    )


MOUNTED = volumes.free(
    "has(self.checkpoint) && has(self.checkpoint.volume)",
    MOUNT,
    "checkpoint.volume is mounted at /checkpoints",
)
OWN_CODE = base.rule(
    "has(self.model) || !has(self.checkpoint) || (!has(self.checkpoint.everySeconds)"
    " && !has(self.checkpoint.keep) && !has(self.checkpoint.resume) && !has(self.checkpoint.from))",
    "your own code writes its checkpoints itself, to TRAINSHED_CHECKPOINT_DIR: of checkpoint only"
    " the place, volume or uri, is for it",
)
ONE_SECRET = base.rule(
    "!has(self.data) || !has(self.data.secretRef) || !has(self.checkpoint)"
    " || !has(self.checkpoint.secretRef)"
    " || self.data.secretRef.name == self.checkpoint.secretRef.name",
    "data.secretRef and checkpoint.secretRef become variables of the same names: put both buckets'"
    " credentials into one Secret that serves both, and name it twice",
)


class CheckpointStatus(base.Model):
    """The run's checkpoints. Steps count from the job's first run, over resumes."""

    last_step: int = pydantic.Field(description="Up to which step the run is kept.")
    resumed_from_step: int = pydantic.Field(
        default=0, description="At which step it went on; 0: from the start."
    )
    lost_steps: int = pydantic.Field(
        default=0,
        description="Steps after the last checkpoint of a run that did not succeed: a resume takes "
        "them again.",
    )
