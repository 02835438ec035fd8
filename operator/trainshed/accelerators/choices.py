"""What was chosen for a job, and what its pods ask for because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainshed.accelerators import classes, health
from trainshed.api import accelerator_class as api
from trainshed.api import env

_HIDES = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
"""CUDA images say `all`, which shows every GPU of the node where its runtime goes by it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A class of accelerator, and how many of its devices each pod has."""

    class_: str = ""
    """Its name; empty for a CPU where no class is of one."""
    type: api.Type = api.Type.CPU
    resource: str = ""
    """The device plugin's resource; empty for a CPU."""
    device_class: str = ""
    """The DeviceClass of the devices that its pods claim; empty for a device plugin's."""
    count: int = 0
    spec: api.AcceleratorClassSpec | None = None
    fell_back_from: str = ""
    """What was asked for first."""
    why: str = ""
    """Why that was not to be had."""
    expected: bool = False
    """Whether nobody can have hoped for it: the cluster has nothing of the kind."""
    avoids: bool = True
    """Whether its pods, with devices, ask for nodes without the labels that tell of faults."""
    avoided: tuple[str, ...] = ()
    """Nodes that its pods keep off, whatever else they are."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Return the labels of its nodes."""
        match = self.spec.match if self.spec is not None else None
        return (match.node_labels if match is not None else None) or {}

    @property
    def alternatives(self) -> Sequence[Mapping[str, str]]:
        """Return sets of labels, one of which its nodes have; none where it does not matter."""
        match = self.spec.match if self.spec is not None else None
        return (match.any_node_labels if match is not None else None) or ()

    @property
    def excluded(self) -> Sequence[Mapping[str, Any]]:
        """Return expressions of a node selector that keep its pods off nodes.

        Off those that the class leaves out, and, as any CPU will do, with devices off those that
        are broken or about to go, where their labels tell it.
        """
        match = self.spec.match if self.spec is not None else None
        left_out = tuple(
            {"key": each.key, "operator": "NotIn", "values": list(each.values)}
            if each.values
            else {"key": each.key, "operator": "DoesNotExist"}
            for each in (match.without if match is not None else None) or ()
        )
        avoids = self.avoids and self.type is not api.Type.CPU
        return (*left_out, *health.avoided()) if avoids else left_out

    @property
    def variant(self) -> str:
        """Return which default base images its jobs have; empty for the plain."""
        return self.spec.variant if self.spec is not None else ""

    @property
    def processes(self) -> int:
        """Return how many processes train in a pod that names no number: one a GPU."""
        return max(1, self.count) if self.type is api.Type.GPU else 1

    def tolerations(self) -> list[dict[str, Any]]:
        """Return the tolerations of its pods."""
        asked = self.spec.tolerations if self.spec is not None else None
        return [each.dump() for each in asked or ()]

    def pod(self) -> dict[str, Any]:
        """Return fields of the pod's spec, besides where it may run."""
        out: dict[str, Any] = {}
        if self.spec is not None and self.spec.runtime_class_name is not None:
            out["runtimeClassName"] = self.spec.runtime_class_name
        return out

    def resources(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the container's resources with its devices among them."""
        out = {name: dict(value) for name, value in asked.items()}
        if self.resource:
            # Kubernetes has devices set aside as they are limited, and takes no other number.
            out["limits"] = {**out.get("limits", {}), self.resource: str(self.count)}
        return out

    def environment(self, precision: str) -> list[dict[str, Any]]:
        """Return variables of the container. `precision`: that of the training."""
        found = [] if self.type is api.Type.GPU else [dict(_HIDES)]
        peak = self.spec.peak_teraflops if self.spec is not None else None
        figure = getattr(peak, precision, None) if peak is not None else None
        if figure is not None and self.type is not api.Type.FPGA:
            found.append({"name": env.PEAK, "value": repr(figure * 1e12)})
        return found


NONE = Choice()
"""The CPU of any node."""


def of(class_: classes.Class, *, resource: str, count: int) -> Choice:
    """Return the choice of a class."""
    assert class_.spec is not None
    devices = 0 if class_.type is api.Type.CPU else count
    return Choice(
        class_=class_.name,
        type=class_.type,
        resource=resource,
        device_class=class_.spec.device_class_name or "",
        count=devices,
        spec=class_.spec,
    )
