"""Whether every pod found a node, and else why not."""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.accelerators import choices, reach
from trainshed.api import reasons, spec
from trainshed.core import draft as drafts
from trainshed.core import gangs, needs, observed, pending, quotas

Type = reasons.ConditionType
Reason = reasons.Reason

_WAITS = "; it starts when another has ended: lower crossValidation.parallelism, or add a node"


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    gang: gangs.Gang,
    chosen: choices.Choice,
) -> bool:
    """Bring the placement and its condition up to date; return whether pods wait for a node."""
    _placement(draft, gang)
    unplaced = [each for each in gang.pods if not each.node]
    refused = gang.refused
    quota = quotas.refused(seen.warning) if not gang.complete else None
    if quota is not None:
        draft.condition(Type.PLACED, False, Reason.QUOTA_EXCEEDED, quota)
        return False
    if not unplaced:
        if gang.complete:
            draft.condition(Type.PLACED, True, Reason.SCHEDULED, gang.where())
        return False
    if gang.folds and any(each.node and each.phase not in gangs.FINAL for each in gang.pods):
        draft.condition(Type.PLACED, True, Reason.SCHEDULED, _with_room(draft, gang, refused))
        return False
    if refused:
        _refused(draft, gang, refused, _waiting(found, seen, chosen, gang))
        return True
    if gang.folds and draft.is_true(Type.PLACED):
        return False  # one fold has ended, and the next one's pod is new
    which = "the pod" if gang.size == 1 else "every pod"
    message = f"the scheduler has not looked at {which} yet"
    draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, message)
    return False


def _waiting(
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    chosen: choices.Choice,
    gang: gangs.Gang,
) -> pending.Waiting:
    need = needs.of(found, devices=chosen.count)
    at = reach.of(seen.places, chosen, need)
    return pending.Waiting(seen, chosen, need, at, gathers=gang.gathers)


def _refused(
    draft: drafts.Draft,
    gang: gangs.Gang,
    pods: Sequence[observed.PodView],
    waiting: pending.Waiting,
) -> None:
    """Say why no node takes them. What is true of many is told of one."""
    known = draft.before.condition(Type.PLACED)
    if waiting.seen.scaling is None and known is not None and pending.MADE in known.message:
        return  # after a restart, until its events are asked for again
    found: dict[str, pending.Verdict] = {}
    verdicts: list[tuple[observed.PodView, pending.Verdict]] = []
    for each in pods:
        message = gang.refusal(each) or ""
        if message not in found:
            found[message] = pending.of(waiting, message)
        verdicts.append((each, found[message]))
    first = verdicts[0][1]
    said = [
        f"{gang.named(pod)}{each.said}; {each.do}"
        for pod, each in verdicts
        if each.reason is first.reason
    ]
    value = None if first.unknown else False
    draft.condition(Type.PLACED, value, first.reason, draft.steady(Type.PLACED, first.reason, said))


def _with_room(draft: drafts.Draft, gang: gangs.Gang, refused: Sequence[observed.PodView]) -> str:
    """Return where folds are, and which one waits until another has ended."""
    where = gang.where()
    waiting = [f"{where}; {gang.named(each)}{gang.refusal(each)}{_WAITS}" for each in refused]
    return draft.steady(Type.PLACED, Reason.SCHEDULED, waiting) if waiting else where


def _placement(draft: drafts.Draft, gang: gangs.Gang) -> None:
    known = draft.before.placement
    # Once, when all have one: a write for each of many pods would be many.
    nodes = gang.nodes if gang.complete and all(each.node for each in gang.pods) else []
    if gang.folds:
        nodes = list(dict.fromkeys([*(known.nodes if known else ()), *gang.nodes]))
    chosen = draft.fields.get("placement") or known
    if nodes and chosen is not None:
        draft.fields["placement"] = chosen.model_copy(update={"nodes": nodes})
