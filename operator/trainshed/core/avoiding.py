"""Which nodes a job's pods keep off, as they failed under other jobs of its namespace.

Settled once, and stored before its pods are made. Nodes are left out only where the others hold the
whole job: a node that failed is still better than none.
"""

from __future__ import annotations

from collections.abc import Sequence

from trainshed.accelerators import choices, sparing
from trainshed.api import failure_policy, labels, reasons, spec
from trainshed.core import draft as drafts
from trainshed.core import judging, needs, observed, offenders, plan, policy

Reason = reasons.Reason
MOST = 16
"""Nodes that are left out, those that failed last: each is a line of every pod."""
_NAMED = 3


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    chosen: choices.Choice,
    settings: policy.Policy,
) -> float | None:
    """Put the nodes that are left out into the status, and tell; return when to go on.

    None: at once, as it is stored already, or there is nothing to store.
    """
    placed = draft.fields.get("placement") or draft.before.placement
    assert placed is not None
    if placed.avoided_nodes is not None or not settings.avoids:
        return None
    bad = _of_job(found, seen, chosen, now=draft.now)
    if not bad:
        return None
    away = bad if _spared(bad, found, seen, chosen) else ()
    told, said = Reason.NODES_AVOIDED, _left_out(bad)
    if not away:
        told, said = Reason.NODES_NOT_AVOIDED, _kept(bad)
    draft.told.append(plan.Notice(warning=True, reason=told, message=said))
    names = [each.node for each in away]
    draft.fields["placement"] = placed.model_copy(update={"avoided_nodes": names})
    return draft.now


def _of_job(
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    chosen: choices.Choice,
    *,
    now: float,
) -> Sequence[offenders.Offender]:
    """Return the nodes that failed too often, of those that the job could be on."""
    # Kueue says only later which nodes a job of a queue may have: none may be left.
    if seen.offenders is None or seen.job.labels.get(labels.QUEUE):
        return ()
    # How many devices of a driver a node has, and so what the others hold, is not known.
    if chosen.device_class:
        return ()
    asked = found.failure_policy or failure_policy.FailurePolicy()
    known = seen.offenders.of(seen.job.key.namespace, after=asked.avoid_nodes_after, now=now)
    if not known:
        return ()
    need, names = needs.of(found, devices=chosen.count), [each.node for each in known]
    possible = set(sparing.possible(names, judging.known(seen), chosen, need))
    return [each for each in known if each.node in possible][:MOST]


def _spared(
    bad: Sequence[offenders.Offender],
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    chosen: choices.Choice,
) -> bool:
    need, names = needs.of(found, devices=chosen.count), [each.node for each in bad]
    return sparing.left(names, judging.known(seen), chosen, need) >= found.replicas


def _left_out(away: Sequence[offenders.Offender]) -> str:
    return (
        f"left out, after failures under jobs of this namespace within a day: {_told(away)}; see"
        f" what is wrong (kubectl describe node {away[0].node}), or delete those jobs to have"
        f" {'it' if len(away) == 1 else 'them'} used again"
    )


def _kept(bad: Sequence[offenders.Offender]) -> str:
    return (
        f"not left out after failures under jobs of this namespace within a day: {_told(bad)}, as"
        " too few other nodes could hold the job; see what is wrong (kubectl describe node"
        f" {bad[0].node}), or add nodes"
    )


def _told(bad: Sequence[offenders.Offender]) -> str:
    told = [f"{each.node} {_times(each.times)} ({_named(each.jobs)})" for each in bad[:_NAMED]]
    return _and_more(told, len(bad))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _named(jobs: Sequence[str]) -> str:
    return _and_more(jobs[:_NAMED], len(jobs))


def _and_more(named: Sequence[str], count: int) -> str:
    more = count - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
