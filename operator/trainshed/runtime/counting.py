"""What of the leader's work is counted, by whom it does not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainshed.runtime import building, loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What is counted, as plain callables: this layer does not know what counts."""

    passed: loop.Observe = loop.unobserved
    pushed: Callable[[str], None] = lambda result: None
    built: building.Observe = building.unobserved
    hit: building.Hit = lambda kind: None
    worked: building.Worked = lambda phases, sent: None
    collected: Callable[[int], None] = lambda tags: None
