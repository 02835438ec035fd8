"""`spec.pod.env` and `spec.pod.envFrom`: variables of the training container."""

from __future__ import annotations

from typing import Annotated

import pydantic

from trainshed.api import base

Value = Annotated[str, pydantic.Field(max_length=32768)]
Variable = Annotated[str, pydantic.Field(max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
Prefix = Annotated[str, pydantic.Field(max_length=63)]
Path = Annotated[str, pydantic.Field(max_length=256)]

PEAK = "TRAINSHED_PEAK_FLOPS"
"""Operations a second that a device does at most: the job's class has it, or the user knows it."""
RESERVED = base.rule(
    f"self.all(each, each.name == '{PEAK}' || (!each.name.startsWith('TRAINSHED_')"
    " && each.name != 'PYTHONPATH' && each.name != 'NVIDIA_VISIBLE_DEVICES'))",
    f"TRAINSHED_* (but {PEAK}), PYTHONPATH and NVIDIA_VISIBLE_DEVICES are set for you: choose other"
    " names, and ask for GPUs by spec.accelerator",
)


class KeySelector(base.Model):
    """One key of a Secret or ConfigMap."""

    name: base.Name = pydantic.Field(description="Name of the Secret or ConfigMap.")
    key: base.Name = pydantic.Field(description="The key in it.")
    optional: bool | None = pydantic.Field(
        default=None, description="Whether the pod starts without it."
    )


class FieldSelector(base.Model):
    """One field of the pod."""

    field_path: Path = pydantic.Field(description="Path of the field, such as status.podIP.")


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

    secret_key_ref: KeySelector | None = pydantic.Field(
        default=None, description="A key of a Secret."
    )
    config_map_key_ref: KeySelector | None = pydantic.Field(
        default=None, description="A key of a ConfigMap."
    )
    field_ref: FieldSelector | None = pydantic.Field(
        default=None, description="A field of the pod."
    )


class EnvVar(base.Model):
    """One environment variable."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "!(has(self.value) && has(self.valueFrom))",
                "give a variable's value or valueFrom, not both",
            )
        )
    )

    name: Variable = pydantic.Field(description="Name of the variable.")
    value: Value | None = pydantic.Field(default=None, description="Its value.")
    value_from: EnvSource | None = pydantic.Field(
        default=None, description="Where its value comes from, instead of value."
    )


class EnvFromReference(base.Model):
    """A Secret or ConfigMap whose keys become variables."""

    name: base.Name = pydantic.Field(description="Name of the Secret or ConfigMap.")
    optional: bool | None = pydantic.Field(
        default=None, description="Whether the pod starts without it."
    )


class EnvFrom(base.Model):
    """All keys of a Secret or ConfigMap as variables."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=base.rules(
            base.rule(
                "has(self.secretRef) != has(self.configMapRef)",
                "envFrom needs exactly one of secretRef and configMapRef",
            )
        )
    )

    prefix: Prefix | None = pydantic.Field(
        default=None, description="Put in front of every variable's name."
    )
    secret_ref: EnvFromReference | None = pydantic.Field(
        default=None, description="A Secret whose keys become variables."
    )
    config_map_ref: EnvFromReference | None = pydantic.Field(
        default=None, description="A ConfigMap whose keys become variables."
    )
