"""The status under construction: every policy adds to it, and it is finished once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trainshed.api import reasons, status
from trainshed.core import plan, times

Type = reasons.ConditionType
_WARNING_WHEN_FALSE = frozenset({Type.ACCEPTED, Type.IMAGE_READY, Type.PLACED, Type.RUNNING})
_MESSAGE_LIMIT = 2048
_ORDINARY = frozenset(
    {
        reasons.Reason.ACCEPTED,
        reasons.Reason.BUILDING,
        reasons.Reason.WAITING_FOR_SCHEDULER,
        reasons.Reason.CONTAINER_STARTING,
        reasons.Reason.WAITING_FOR_KUEUE,
        reasons.Reason.QUOTA_RESERVED,
        reasons.Reason.NOT_ADMITTED,
        reasons.Reason.WORKLOAD_CREATED,
        reasons.Reason.FINISHED,
    }
)
"""Reasons of a condition that is merely not true yet, or no longer."""


@dataclass(slots=True)
class Draft:
    """Collects fields and conditions on top of the status that is stored."""

    before: status.TrainingJobStatus
    generation: int
    now: float
    fields: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, status.Condition] = field(default_factory=dict)
    told: list[plan.Notice] = field(default_factory=list)
    """Events of what no condition tells."""

    def __post_init__(self) -> None:
        """Begin with the conditions that are stored, but that of a pass that went no further."""
        self.conditions = {
            each.type: each for each in self.before.conditions if each.type != Type.STALLED
        }

    def condition(self, type_: Type, value: bool | None, reason: str, message: str) -> None:
        """Set a condition; its transition time moves only when its status does."""
        text = {True: "True", False: "False", None: "Unknown"}[value]
        # Against the stored one: a pass may set a condition twice before it is written.
        known = self.before.condition(type_)
        same = known is not None and known.status == text
        self.conditions[type_] = status.Condition(
            type=type_,
            status=text,
            reason=str(reason),
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=(
                known.last_transition_time if known and same else times.render(self.now)
            ),
            observed_generation=self.generation,
        )

    def since(self, type_: Type) -> float | None:
        """Return when the condition became what it is, as it is stored."""
        known = self.before.condition(type_)
        return times.parse(known.last_transition_time) if known is not None else None

    def stored_true(self, type_: Type) -> bool:
        """Return whether the condition is True, as it is stored."""
        known = self.before.condition(type_)
        return known is not None and known.status == "True"

    def steady(self, type_: Type, reason: str, messages: Sequence[str]) -> str:
        """Return what is told already of several that are all true, else the first of them.

        Of many pods, each may have the same to say: telling of one is enough, and one write.
        """
        known = self.before.condition(type_)
        if known is not None and known.reason == reason and known.message in messages:
            return known.message
        return messages[0]

    def is_true(self, type_: Type) -> bool:
        """Return whether the condition is True, as it stands in the draft."""
        known = self.conditions.get(type_)
        return known is not None and known.status == "True"

    def finish(self) -> status.TrainingJobStatus:
        """Return the new status."""
        ordered = [self.conditions[each] for each in Type if each in self.conditions]
        update = {**self.fields, "conditions": ordered, "observed_generation": self.generation}
        return self.before.model_copy(update=update)

    def notices(self) -> tuple[plan.Notice, ...]:
        """Return one event for each condition whose status or reason changed, and what is told."""
        stored = {each.type: each for each in self.before.conditions}
        changed = (
            _notice(new)
            for type_, new in self.conditions.items()
            if _changed(stored.get(type_), new) and new.reason not in _ORDINARY
        )
        return (*self.told, *changed)


def _changed(old: status.Condition | None, new: status.Condition) -> bool:
    return old is None or (old.status, old.reason) != (new.status, new.reason)


def _notice(condition: status.Condition) -> plan.Notice:
    bad = condition.status == "False" and condition.type in _WARNING_WHEN_FALSE
    warning = bad or condition.type == Type.FAILED
    return plan.Notice(warning=warning, reason=condition.reason, message=condition.message)
