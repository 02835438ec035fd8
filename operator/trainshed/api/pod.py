"""`spec.pod`: typed overrides of the trainer's pod; what is not listed can't be set."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic

from trainshed.api import base

Value = Annotated[str, pydantic.Field(max_length=32768)]
LabelMap = dict[str, Annotated[str, pydantic.Field(max_length=63)]]

_OWN_KEYS = base.rule(
    "self.all(key, !key.startsWith('trainshed.dev/') && !key.startsWith('app.kubernetes.io/')"
    " && !key.contains('batch.kubernetes.io/'))",
    "keys of trainshed.dev, app.kubernetes.io and batch.kubernetes.io are the operator's",
)
_RESERVED_ENV = base.rule(
    "self.all(each, !each.name.startsWith('TRAINSHED_') && each.name != 'PYTHONPATH')",
    "TRAINSHED_* and PYTHONPATH are set by the operator: choose other names",
)
_RESERVED_PATHS = base.rule(
    "self.all(each, each.mountPath.startsWith('/') && !each.mountPath.contains('..')"
    " && !(each.mountPath in ['/', '/tmp', '/app', '/dev/shm'])"
    " && !each.mountPath.startsWith('/etc/trainshed')"
    " && !each.mountPath.startsWith('/opt/trainshed')"
    " && !each.mountPath.startsWith('/var/run/secrets'))",
    "mount paths are absolute and may not hide /app, /tmp, /dev/shm or the operator's own",
)
_RESERVED_VOLUMES = base.rule(
    "self.all(each, !each.name.startsWith('trainshed-'))",
    "volume names that start with trainshed- are the operator's",
)


class KeySelector(base.Model):
    """One key of a Secret or ConfigMap."""

    name: base.Name
    key: base.Name
    optional: bool | None = None


class FieldSelector(base.Model):
    """One field of the pod."""

    field_path: Annotated[str, pydantic.Field(max_length=256)]


class EnvSource(base.Model):
    """Where a variable's value comes from."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)]"
                ".filter(each, each).size() == 1",
                "valueFrom needs exactly one of secretKeyRef, configMapKeyRef and fieldRef",
            )
        )
    )

    secret_key_ref: KeySelector | None = None
    config_map_key_ref: KeySelector | None = None
    field_ref: FieldSelector | None = None


class EnvVar(base.Model):
    """One environment variable."""

    name: Annotated[str, pydantic.Field(max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    value: Value | None = None
    value_from: EnvSource | None = None


class EnvFromReference(base.Model):
    """A Secret or ConfigMap whose keys become variables."""

    name: base.Name
    optional: bool | None = None


class EnvFrom(base.Model):
    """All keys of a Secret or ConfigMap as variables."""

    prefix: Annotated[str, pydantic.Field(max_length=63)] | None = None
    secret_ref: EnvFromReference | None = None
    config_map_ref: EnvFromReference | None = None


class Toleration(base.Model):
    """A toleration, as in a pod."""

    key: Annotated[str, pydantic.Field(max_length=317)] | None = None
    operator: Annotated[str, pydantic.Field(pattern="^(Exists|Equal)$")] | None = None
    value: Annotated[str, pydantic.Field(max_length=63)] | None = None
    effect: (
        Annotated[str, pydantic.Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$")] | None
    ) = None
    toleration_seconds: int | None = None


class ClaimVolume(base.Model):
    """A PersistentVolumeClaim."""

    claim_name: base.Name
    read_only: bool | None = None


class VolumeItem(base.Model):
    """One key of a Secret or ConfigMap and the file that it becomes."""

    key: base.Name
    path: Annotated[str, pydantic.Field(max_length=1024)]
    mode: int | None = None


class ConfigMapVolume(base.Model):
    """A ConfigMap as files."""

    name: base.Name
    items: list[VolumeItem] | None = pydantic.Field(default=None, max_length=64)
    default_mode: int | None = None
    optional: bool | None = None


class SecretVolume(base.Model):
    """A Secret as files."""

    secret_name: base.Name
    items: list[VolumeItem] | None = pydantic.Field(default=None, max_length=64)
    default_mode: int | None = None
    optional: bool | None = None


class EmptyDirVolume(base.Model):
    """Scratch space that ends with the pod."""

    medium: Annotated[str, pydantic.Field(pattern="^(|Memory)$")] | None = None
    size_limit: base.Quantity | None = None


class CsiVolume(base.Model):
    """An ephemeral volume of a CSI driver."""

    driver: base.Name
    read_only: bool | None = None
    volume_attributes: dict[str, Value] | None = pydantic.Field(
        default=None, json_schema_extra={"maxProperties": 32}
    )


class Volume(base.Model):
    """A volume; never a path of the node."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "[has(self.persistentVolumeClaim), has(self.configMap), has(self.secret),"
                " has(self.emptyDir), has(self.csi)].filter(each, each).size() == 1",
                "a volume needs exactly one of persistentVolumeClaim, configMap, secret,"
                " emptyDir and csi",
            )
        )
    )

    name: Annotated[str, pydantic.Field(max_length=63, pattern=base.DNS_LABEL)]
    persistent_volume_claim: ClaimVolume | None = None
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    empty_dir: EmptyDirVolume | None = None
    csi: CsiVolume | None = None


class VolumeMount(base.Model):
    """Where a volume appears in the container."""

    name: Annotated[str, pydantic.Field(max_length=63)]
    mount_path: Annotated[str, pydantic.Field(max_length=1024)]
    sub_path: Annotated[str, pydantic.Field(max_length=1024)] | None = None
    read_only: bool | None = None


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
    annotations: dict[str, Annotated[str, pydantic.Field(max_length=65536)]] | None = (
        pydantic.Field(
            default=None,
            description="Annotations of the pod.",
            json_schema_extra={"maxProperties": 64, **base.rules(_OWN_KEYS)},
        )
    )
    env: list[EnvVar] | None = pydantic.Field(
        default=None,
        max_length=128,
        description="Variables of the container.",
        json_schema_extra=base.rules(_RESERVED_ENV),
    )
    env_from: list[EnvFrom] | None = pydantic.Field(
        default=None, max_length=16, description="Secrets and ConfigMaps as variables."
    )
    service_account_name: base.Name | None = pydantic.Field(
        default=None, description="Service account; its token is not mounted."
    )
    volumes: list[Volume] | None = pydantic.Field(
        default=None,
        max_length=32,
        description="Volumes: claims, config maps, secrets, empty dirs, CSI; never hostPath.",
        json_schema_extra=base.rules(_RESERVED_VOLUMES),
    )
    volume_mounts: list[VolumeMount] | None = pydantic.Field(
        default=None,
        max_length=32,
        description="Where the volumes appear.",
        json_schema_extra=base.rules(_RESERVED_PATHS),
    )
    fs_group: int | None = pydantic.Field(
        default=None, ge=1, le=2**31 - 1, description="Group that owns volumes; default 1000."
    )
    termination_grace_period_seconds: int | None = pydantic.Field(
        default=None, ge=1, le=3600, description="Seconds from SIGTERM to SIGKILL; default 30."
    )
