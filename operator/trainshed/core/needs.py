"""What one pod of a job asks of its node, as placement judges it."""

from __future__ import annotations

from trainshed.accelerators import amounts, fitting
from trainshed.api import pod as pod_api
from trainshed.api import spec
from trainshed.workloads import pod as workload_pod

_ANY = pod_api.Toleration(operator="Exists")


def of(found: spec.TrainingJobSpec, *, devices: int, queued: bool = False) -> fitting.Need:
    """Return what one pod of a job asks of its node.

    `queued`: Kueue gives its pods what their flavour tolerates, which is not known before.
    """
    pod, resources = found.pod or pod_api.Pod(), found.resources
    where = workload_pod.placement(found)
    return fitting.Need(
        devices=devices,
        cores=amounts.of((resources and resources.cpu) or "0", scale=1000),
        memory=amounts.of((resources and resources.memory) or "0"),
        others=(resources and resources.devices) or {},
        selector=where.get("nodeSelector") or {},
        affinity=where.get("affinity"),
        tolerations=(_ANY, *(pod.tolerations or ())) if queued else tuple(pod.tolerations or ()),
    )
