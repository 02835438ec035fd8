"""How long a pass takes that chooses among thousands of nodes, of which one changes each time."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

from tests import builders, clouds, facts, places
from trainshed.accelerators import index, nodes, usage
from trainshed.core import decide, observed

NODES = 5000
PASSES = 2000
GPU = "nvidia.com/gpu"
PRODUCTS = ("nvidia-tesla-t4", "nvidia-l4", "nvidia-a100-80gb", "nvidia-h100-80gb")
ASKED: tuple[dict[str, Any], ...] = (
    {"type": "gpu", "count": 4},
    {"class": "nvidia-l4"},
    {"type": "gpu", "count": 64, "fallback": ["fpga", "cpu"]},
    {"class": "nvidia-h100", "count": 64},
    {},
)


def p99_ms(*, alike: bool) -> float:
    """Return the 99th percentile of a pass's milliseconds.

    `alike`: nodes of one pool differ by their names alone, as in most clusters; else each has a
    label of its own besides, so that no two are of one shape.
    """
    chance = random.Random(0)
    at = index.Index()
    for class_ in clouds.CLASSES.values():
        at.put_class(class_)
    for number in range(NODES):
        at.put_node(f"n{number}", nodes.shape(_node(number, alike=alike)))
    held = usage.Usage(at)
    for number in range(NODES // 2):
        held.put(f"p{number}", usage.Use(("team", f"job-{number}"), f"n{number}", GPU, 1))
    views = [builders.training_job().cnn().spec(accelerator=each).view() for each in ASKED]
    settings = facts.settings()
    taken = []
    for turn in range(PASSES):
        number = chance.randrange(NODES)
        # What a decision may depend on changes before each: nothing is left of the last one.
        at.put_node(f"n{number}", nodes.shape(_node(number, alike=alike, cordoned=turn % 2 == 0)))
        held.put(f"p{number % (NODES // 2)}", None if turn % 3 else _use(number))
        seen = observed.Observation(job=views[turn % len(views)], places=at, devices=held)
        began = time.perf_counter()
        decide.decide(seen, now=builders.T0 + 1, settings=settings)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(taken, n=100)[98]


def _use(number: int) -> usage.Use:
    return usage.Use(("team", f"job-{number}"), f"n{number}", GPU, 1)


def _node(number: int, *, alike: bool, cordoned: bool = False) -> dict[str, Any]:
    product = PRODUCTS[number % (len(PRODUCTS) + 1)] if number % (len(PRODUCTS) + 1) < 4 else ""
    marks = {
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "node.kubernetes.io/instance-type": f"type-{number % 5}",
        **({"cloud.google.com/gke-accelerator": product} if product else {}),
        **({} if alike else {"example.com/serial": f"s-{number}"}),
    }
    devices = {GPU: 8} if product else None
    name = f"n{number}"
    return places.node(name, devices, labels_=marks, cpu="64", unschedulable=cordoned)
