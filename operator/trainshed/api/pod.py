"""`spec.pod`: typed overrides of the trainer's pod; what is not listed can't be set."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from trainshed.api import base
from trainshed.api import env as env_api
from trainshed.api import volumes as volumes_api

LabelValue = Annotated[str, pydantic.Field(max_length=63)]
LabelMap = dict[str, LabelValue]
AnnotationMap = dict[str, Annotated[str, pydantic.Field(max_length=65536)]]
TaintKey = Annotated[str, pydantic.Field(max_length=317)]
Operator = Annotated[str, pydantic.Field(pattern="^(Exists|Equal)$")]
Effect = Annotated[str, pydantic.Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$")]

_OWN_KEYS = base.rule(
    "self.all(key, !key.startsWith('trainshed.dev/') && !key.startsWith('app.kubernetes.io/')"
    " && !key.contains('batch.kubernetes.io/'))",
    "keys of trainshed.dev, app.kubernetes.io and batch.kubernetes.io are the operator's",
)


class Toleration(base.Model):
    """A toleration, as in a pod."""

    key: TaintKey | None = pydantic.Field(
        default=None, description="Key of the taint; default: every key."
    )
    operator: Operator | None = pydantic.Field(
        default=None, description="Equal (default) or Exists."
    )
    value: LabelValue | None = pydantic.Field(
        default=None, description="Value of the taint, with Equal."
    )
    effect: Effect | None = pydantic.Field(
        default=None, description="Effect of the taint; default: every effect."
    )
    toleration_seconds: int | None = pydantic.Field(
        default=None, description="How long a NoExecute taint is borne; default: for ever."
    )


class Pod(base.Model):
    """Overrides of the trainer's pod."""

    node_selector: LabelMap | None = pydantic.Field(
        default=None,
        description="Labels that the node must have.",
        json_schema_extra={"maxProperties": 32},
    )
    tolerations: list[Toleration] | None = pydantic.Field(
        default=None, max_length=32, description="Taints that the pod tolerates."
    )
    affinity: dict[str, Any] | None = pydantic.Field(
        default=None, description="Affinity, as in a pod; the API server checks it."
    )
    labels: LabelMap | None = pydantic.Field(
        default=None,
        description="Labels of the pod.",
        json_schema_extra={"maxProperties": 64, **base.rules(_OWN_KEYS)},
    )
    annotations: AnnotationMap | None = pydantic.Field(
        default=None,
        description="Annotations of the pod.",
        json_schema_extra={"maxProperties": 64, **base.rules(_OWN_KEYS)},
    )
    env: list[env_api.EnvVar] | None = pydantic.Field(
        default=None,
        max_length=128,
        description="Variables of the container.",
        json_schema_extra=base.rules(env_api.RESERVED),
    )
    env_from: list[env_api.EnvFrom] | None = pydantic.Field(
        default=None, max_length=16, description="Secrets and ConfigMaps as variables."
    )
    service_account_name: base.Name | None = pydantic.Field(
        default=None, description="Service account; its token is not mounted."
    )
    volumes: list[volumes_api.Volume] | None = pydantic.Field(
        default=None,
        max_length=32,
        description="Volumes: claims, config maps, secrets, empty dirs, CSI; never hostPath.",
        json_schema_extra=base.rules(volumes_api.RESERVED_NAMES),
    )
    volume_mounts: list[volumes_api.VolumeMount] | None = pydantic.Field(
        default=None,
        max_length=32,
        description="Where the volumes appear.",
        json_schema_extra=base.rules(volumes_api.RESERVED_PATHS),
    )
    fs_group: int | None = pydantic.Field(
        default=None, ge=1, le=2**31 - 1, description="Group that owns volumes; default 1000."
    )
    termination_grace_period_seconds: int | None = pydantic.Field(
        default=None, ge=1, le=3600, description="Seconds from SIGTERM to SIGKILL; default 30."
    )
