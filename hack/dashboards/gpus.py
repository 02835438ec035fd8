"""The dashboard's row of a job's GPUs: what DCGM says of them, else the trainers themselves."""

from __future__ import annotations

from hack.dashboards import recording
from hack.dashboards.asking import recorded, series
from hack.dashboards.panels import Frame, Query, Shape

_COARSE = f"avg({series('training_accelerator_utilization_ratio')})"
_BUSY = f"({recorded(recording.JOB_UTILIZATION)} or {_COARSE})"

DEVICES = (
    Frame(
        shape=Shape.LINES,
        title="GPU activity",
        description="Share of time in which the job's GPUs compute, the mean of them: their tensor "
        "cores, and any part of them. Busy is shown where DCGM measures neither: that something is "
        "on the GPU, be it a process that waits for another one. Throughput tells whether it gets "
        "on.",
        unit="percentunit",
        queries=[
            Query(recorded(recording.JOB_TENSOR_ACTIVE), "tensor cores"),
            Query(recorded(recording.JOB_ACTIVE), "GPU"),
            Query(f"{_BUSY} unless {recorded(recording.JOB_ACTIVE)}", "busy, which says little"),
        ],
        width=8,
        least=0,
        most=1,
    ),
    Frame(
        shape=Shape.LINES,
        title="GPU memory",
        description="Memory of all the job's GPUs: what is in use, by DCGM, else by the trainers, "
        "and what there is. Frameworks set memory aside: much of it in use is no fault.",
        unit="bytes",
        queries=[
            Query(
                f"sum({recorded(recording.JOB_MEMORY_USED)})"
                f" or sum({series('training_accelerator_memory_used_bytes')})",
                "in use",
            ),
            Query(f"sum({series('training_accelerator_memory_total_bytes')})", "there is"),
        ],
        width=8,
        least=0,
    ),
    Frame(
        shape=Shape.LINES,
        title="GPU power",
        description="Power of all the job's GPUs, by DCGM, else by the trainers. One that takes "
        "little for what its class may take waits for something.",
        unit="watt",
        queries=[
            Query(
                f"sum({recorded(recording.JOB_POWER)})"
                f" or sum({series('training_accelerator_power_watts')})",
                "power",
            )
        ],
        width=8,
        least=0,
    ),
)
