"""Fake nodes with devices, on which placement can be tried without a GPU or an FPGA.

Labels, taints and resources are as clouds, node feature discovery and device plugins set them, so
that the chart's classes find them; the label trainshed.dev/fake says what they are. kwok plays
them on the host cluster; in kind they are its workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hack import apiserver
from hack.cluster import console, fakes, nodes


@dataclass(frozen=True, slots=True)
class Machine:
    """What a node shows of its devices, and its room where kwok makes one up."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    devices: Mapping[str, str]
    room: Mapping[str, str]

    @property
    def marks(self) -> dict[str, str]:
        """Its labels, with the one that says that it is a fake."""
        return {**dict([nodes.DEVICES_LABEL]), **self.labels}


def _present(key: str) -> tuple[Mapping[str, str], ...]:
    return ({"key": key, "value": "present", "effect": "NoSchedule"},)


MACHINES = (
    # As GKE has it: a g2-standard-48 of a pool of its own.
    Machine(
        name="l4",
        labels={
            "cloud.google.com/gke-accelerator": "nvidia-l4",
            "cloud.google.com/gke-accelerator-count": "4",
            "cloud.google.com/gke-nodepool": "l4",
            "node.kubernetes.io/instance-type": "g2-standard-48",
        },
        taints=_present("nvidia.com/gpu"),
        devices={"nvidia.com/gpu": "4"},
        room={"cpu": "48", "memory": "192Gi", "pods": "110"},
    ),
    # On premises: node feature discovery, and NVIDIA's GPU feature discovery.
    Machine(
        name="a100",
        labels={
            "feature.node.kubernetes.io/pci-10de.present": "true",
            "nvidia.com/gpu.count": "8",
            "nvidia.com/gpu.memory": "81920",
            "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB",
        },
        taints=_present("nvidia.com/gpu"),
        devices={"nvidia.com/gpu": "8"},
        room={"cpu": "128", "memory": "1Ti", "pods": "110"},
    ),
    # The plugin of AMD's Alveo cards names no label; node feature discovery tells the vendor.
    Machine(
        name="alveo",
        labels={"feature.node.kubernetes.io/pci-1200_10ee.present": "true"},
        taints=_present("xilinx.com/fpga"),
        devices={"amd.com/xilinx_u50_gen3x16_xdma_201920_3-0": "2"},
        room={"cpu": "32", "memory": "128Gi", "pods": "110"},
    ),
)


def node_name(machine: Machine) -> str:
    return f"{fakes.PREFIX}{machine.name}"


def node(machine: Machine) -> fakes.Body:
    """Return a node of kwok's, without its taint: the tolerations of a class are enough."""
    return fakes.body(
        node_name(machine),
        labels=machine.marks,
        taints=machine.taints,
        room={**machine.room, **machine.devices},
    )


def keep(client: apiserver.ApiServer, machines: Iterable[Machine], *, step: console.Step) -> None:
    """Have a node of kwok's for each of the machines and no other, and wait until each is Ready."""
    fakes.keep(client, map(node, machines), selected="=".join(nodes.DEVICES_LABEL), step=step)
