"""The recording rules of GPUs: DCGM's series, joined to the TrainingJobs whose pods have them.

dcgm-exporter names the pod that has a GPU `pod`, or `exported_pod` where a scrape keeps its own
labels: the rules take both. They are written to the chart, and are Prometheus' own format.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from trainshed.metrics import names

GROUP = "trainshed-gpus"
_HEAD = "# Generated from hack/dashboards/recording.py by `python -m hack.dashboards`.\n"
_DEVICE = ("Hostname", "gpu", "UUID", "GPU_I_ID")
"""A GPU, or an instance of one that is cut by MIG, as DCGM labels it."""
_PART = "UUID, GPU_I_ID"
_WORKLOAD = ("namespace", "pod", "trainingjob")
_JOB = ("namespace", "trainingjob")


@dataclass(frozen=True, slots=True)
class Rule:
    """A series that Prometheus records."""

    name: str
    expression: str
    labels: tuple[str, ...]
    unit: str
    help: str


def _known(metric: str, *, where: str = "") -> str:
    """Return DCGM's series under the names of the pods that have the devices."""
    matchers = f", {where}" if where else ""
    return (
        f"max by (namespace, pod, {', '.join(_DEVICE)}) (\n"
        f'    {metric}{{exported_pod=""{matchers}}}\n'
        "  or\n"
        "    label_replace(\n"
        "      label_replace(\n"
        f'        {metric}{{exported_pod!=""{matchers}}},\n'
        '        "pod", "$1", "exported_pod", "(.+)"\n'
        "      ),\n"
        '      "namespace", "$1", "exported_namespace", "(.+)"\n'
        "    )\n"
        ")"
    )


def _joined(expression: str) -> str:
    """Return an expression's series of pods of TrainingJobs; those of other pods join nothing.

    By `max`, since two replicas of the operator may export a pod while one takes over, and of a pod
    whose accelerator became known there are two series for a while.
    """
    info = f"max by ({', '.join(_WORKLOAD)}) ({names.POD_INFO.name})"
    return f"{expression}\n* on (namespace, pod) group_left (trainingjob)\n{info}"


def _shared(expression: str) -> str:
    """Return equal shares: DCGM tells all of a device to each of several pods that share it."""
    return f"{expression}\n/ on ({_PART}) group_left ()\n{_pods(expression)}"


def _alone(expression: str) -> str:
    """Return the series of devices that one pod has: shares that change make no counter."""
    one = f"{expression}\nunless on ({_PART})\n{_pods(expression)} > 1"
    return f"(\n{_indented(one)}\n)"


def _pods(expression: str) -> str:
    return f"count by ({_PART}) (\n{_indented(expression)}\n)"


def _indented(expression: str) -> str:
    return textwrap.indent(expression, "  ")


def _device(name: str, expression: str, unit: str, text: str) -> Rule:
    return Rule(f"trainingjob_gpu:{name}", _joined(expression), _WORKLOAD + _DEVICE, unit, text)


def _job(name: str, of: Rule, text: str) -> Rule:
    by = name.rpartition(":")[2]
    expression = f"{by} by ({', '.join(_JOB)}) ({of.name})"
    return Rule(f"trainingjob:gpu_{name}", expression, _JOB, of.unit, text)


# Of an instance cut by MIG, DCGM tells what the whole GPU takes, and of its use nothing at all.
_WHOLE = 'GPU_I_ID=""'
TENSOR_ACTIVE = _device(
    "tensor_active:ratio",
    _known("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
    "ratio",
    "Share of time in which the tensor cores work.",
)
ACTIVE = _device(
    "active:ratio",
    _known("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
    "ratio",
    "Share of time in which the GPU computes at all.",
)
UTILIZATION = _device(
    "utilization:ratio",
    f"{_known('DCGM_FI_DEV_GPU_UTIL', where=_WHOLE)}\n/ 100",
    "ratio",
    "Share of time in which something is on the GPU, be it a process that waits: only for GPUs "
    "without the two above.",
)
MEMORY_USED = _device(
    "memory_used:bytes",
    f"{_shared(_known('DCGM_FI_DEV_FB_USED'))}\n* 1048576",
    "bytes",
    "Memory in use.",
)
POWER = _device(
    "power:watts",
    _shared(_known("DCGM_FI_DEV_POWER_USAGE", where=_WHOLE)),
    "watts",
    "Power; not of instances cut by MIG.",
)
ENERGY = _device(
    "energy_joules:total",
    f"{_alone(_known('DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION', where=_WHOLE))}\n/ 1000",
    "joules",
    "Energy since the driver was loaded, a counter; only of whole GPUs that one pod has.",
)
JOB_TENSOR_ACTIVE = _job("tensor_active:avg", TENSOR_ACTIVE, "The same, the mean of a job's GPUs.")
JOB_ACTIVE = _job("active:avg", ACTIVE, "The same, the mean of a job's GPUs.")
JOB_UTILIZATION = _job("utilization:avg", UTILIZATION, "The same, the mean of a job's GPUs.")
JOB_MEMORY_USED = _job("memory_used_bytes:sum", MEMORY_USED, "Memory in use, of all its GPUs.")
JOB_POWER = _job("power_watts:sum", POWER, "Power of all its GPUs.")

# A group's rules are evaluated in their order: those of jobs stand on those of devices.
RULES = (
    TENSOR_ACTIVE,
    ACTIVE,
    UTILIZATION,
    MEMORY_USED,
    POWER,
    ENERGY,
    JOB_TENSOR_ACTIVE,
    JOB_ACTIVE,
    JOB_UTILIZATION,
    JOB_MEMORY_USED,
    JOB_POWER,
)
SERIES: Mapping[str, Rule] = {each.name: each for each in RULES}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def render() -> str:
    """Return the rules as Prometheus reads them."""
    rules = [{"record": each.name, "expr": each.expression} for each in RULES]
    groups = {"groups": [{"name": GROUP, "rules": rules}]}
    return _HEAD + yaml.dump(groups, Dumper=_Dumper, sort_keys=False, width=100)
