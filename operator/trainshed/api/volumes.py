"""`spec.pod.volumes` and `spec.pod.volumeMounts`: storage of the trainer's pod."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base

VolumeName = Annotated[str, pydantic.Field(max_length=63, pattern=base.DNS_LABEL)]
MountName = Annotated[str, pydantic.Field(max_length=63)]
Path = Annotated[str, pydantic.Field(max_length=1024)]
Medium = Annotated[str, pydantic.Field(pattern="^(|Memory)$")]
Value = Annotated[str, pydantic.Field(max_length=32768)]

RESERVED_NAMES = base.rule(
    "self.all(each, !each.name.startsWith('trainshed-'))",
    "volume names that start with trainshed- are the operator's",
)
RESERVED_PATHS = base.rule(
    "self.all(each, each.mountPath.startsWith('/') && !each.mountPath.contains('..')"
    " && !each.mountPath.contains('//') && !each.mountPath.matches("
    "'^/(tmp|app|dev|dev/shm|etc|opt|var|var/run|run)?/?$|"
    "^/(etc/trainshed|opt/trainshed|var/run/secrets|run/secrets)(/|$)'))",
    "mount paths are absolute and may not hide /app, /tmp, /dev/shm or the operator's own",
)


def free(used: str, path: str, said: str) -> dict[str, str]:
    """Return the rule of a spec that no mount of the user's takes a path that is used."""
    return base.rule(
        f"!({used}) || !has(self.pod) || !has(self.pod.volumeMounts)"
        f" || self.pod.volumeMounts.all(each, !each.mountPath.matches('^{path}/?$'))",
        f"{said}: mount your own volume elsewhere",
    )


class OwnClaim(base.Model):
    """A claim that the job writes to, below a folder of its own."""

    claim_name: base.Name = pydantic.Field(description="Name of the PersistentVolumeClaim.")


_MODE = "Permissions of the files, as a decimal number."


class ClaimVolume(base.Model):
    """A PersistentVolumeClaim."""

    claim_name: base.Name = pydantic.Field(description="Name of the claim.")
    read_only: bool | None = pydantic.Field(
        default=None, description="Whether the claim is only read."
    )


class VolumeItem(base.Model):
    """One key of a Secret or ConfigMap and the file that it becomes."""

    key: base.Name = pydantic.Field(description="The key.")
    path: Path = pydantic.Field(description="Path of its file below the mount.")
    mode: int | None = pydantic.Field(default=None, description=_MODE)


class ConfigMapVolume(base.Model):
    """A ConfigMap as files."""

    name: base.Name = pydantic.Field(description="Name of the ConfigMap.")
    items: list[VolumeItem] | None = pydantic.Field(
        default=None, max_length=64, description="The keys that become files; default: all."
    )
    default_mode: int | None = pydantic.Field(default=None, description=_MODE)
    optional: bool | None = pydantic.Field(
        default=None, description="Whether the pod starts without it."
    )


class SecretVolume(base.Model):
    """A Secret as files."""

    secret_name: base.Name = pydantic.Field(description="Name of the Secret.")
    items: list[VolumeItem] | None = pydantic.Field(
        default=None, max_length=64, description="The keys that become files; default: all."
    )
    default_mode: int | None = pydantic.Field(default=None, description=_MODE)
    optional: bool | None = pydantic.Field(
        default=None, description="Whether the pod starts without it."
    )


class EmptyDirVolume(base.Model):
    """Scratch space that ends with the pod."""

    medium: Medium | None = pydantic.Field(
        default=None, description="Memory for a file system in memory; default: the node's disk."
    )
    size_limit: base.Quantity | None = pydantic.Field(
        default=None, description="Size at which the pod is evicted."
    )


class CsiVolume(base.Model):
    """An ephemeral volume of a CSI driver."""

    driver: base.Name = pydantic.Field(description="Name of the driver.")
    read_only: bool | None = pydantic.Field(
        default=None, description="Whether the volume is only read."
    )
    volume_attributes: dict[str, Value] | None = pydantic.Field(
        default=None,
        description="What the driver asks for.",
        json_schema_extra={"maxProperties": 32},
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

    name: VolumeName = pydantic.Field(description="Name of the volume, for volumeMounts.")
    persistent_volume_claim: ClaimVolume | None = pydantic.Field(
        default=None, description="A PersistentVolumeClaim of the job's namespace."
    )
    config_map: ConfigMapVolume | None = pydantic.Field(
        default=None, description="A ConfigMap as files."
    )
    secret: SecretVolume | None = pydantic.Field(default=None, description="A Secret as files.")
    empty_dir: EmptyDirVolume | None = pydantic.Field(
        default=None, description="Scratch space that ends with the pod."
    )
    csi: CsiVolume | None = pydantic.Field(
        default=None, description="An ephemeral volume of a CSI driver."
    )


class VolumeMount(base.Model):
    """Where a volume appears in the container."""

    name: MountName = pydantic.Field(description="Name of the volume.")
    mount_path: Path = pydantic.Field(description="Absolute path in the container.")
    sub_path: Path | None = pydantic.Field(
        default=None, description="Path in the volume; default: its root."
    )
    read_only: bool | None = pydantic.Field(
        default=None, description="Whether the container may only read it."
    )
