"""On which class of accelerator a job runs: chosen once, before its image is made.

A choice is in the status from then on: nothing changes it silently. What is asked first is taken
where a node that there is, or that an autoscaler may make, can ever hold the job; only else what
`accelerator.fallback` names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from trainshed.accelerators import choices, index, selecting
from trainshed.api import accelerator as api
from trainshed.api import accelerator_class, reasons, spec, status
from trainshed.core import draft as drafts
from trainshed.core import failures, judging, observed, plan, policy
from trainshed.workloads import nodes as workload_nodes
from trainshed.workloads import pod as workload_pod

Type = reasons.ConditionType
Reason = reasons.Reason


def settle(
    draft: drafts.Draft,
    found: spec.TrainingJobSpec,
    seen: observed.Observation,
    settings: policy.Policy,
) -> choices.Choice | observed.Refusal:
    """Return the choice of a job, and put it into the status; or why there is none yet."""
    where = workload_pod.placement(found)
    # What follows judges nodes by these labels.
    asked = selecting.keys(where.get("nodeSelector") or {}, where.get("affinity"))
    judging.known(seen).require(asked)
    known = draft.before.placement
    if known is not None and known.type:
        kept = recall(known, judging.known(seen))
        gone = _gone(kept, draft, seen)
        if gone is not None:
            draft.condition(Type.PLACED, False, gone.reason, gone.message)
        return gone or kept
    chosen = _choose(found, seen, settings)
    if isinstance(chosen, observed.Refusal):
        draft.condition(Type.PLACED, False, chosen.reason, chosen.message)
        return chosen
    if draft.before.condition(Type.PLACED) is not None:
        said = f"{chosen.class_ or chosen.type} is chosen; the image comes first"
        draft.condition(Type.PLACED, False, Reason.WAITING_FOR_SCHEDULER, said)
    if chosen.fell_back_from:
        said = f"{chosen.class_ or chosen.type} is taken: {chosen.why}"
        warning = not chosen.expected
        draft.told.append(plan.Notice(warning=warning, reason=Reason.FELL_BACK, message=said))
    draft.fields["placement"] = status.Placement(
        type=str(chosen.type),
        class_=chosen.class_ or None,
        resource_name=chosen.resource or None,
        device_class_name=chosen.device_class or None,
        count=chosen.count or None,
        fell_back_from=chosen.fell_back_from or None,
    )
    return chosen


def recall(known: status.Placement, places: index.Index) -> choices.Choice:
    """Return the choice that a status tells of, as far as its class is still there."""
    class_ = places.known().get(known.class_ or "")
    own = class_.spec if class_ is not None and not class_.problem else None
    return choices.Choice(
        class_=known.class_ or "",
        type=accelerator_class.Type(known.type),
        resource=known.resource_name or "",
        device_class=known.device_class_name or "",
        count=known.count or 0,
        spec=own,
        fell_back_from=known.fell_back_from or "",
        avoided=tuple(known.avoided_nodes or ()),
    )


def _gone(
    chosen: choices.Choice, draft: drafts.Draft, seen: observed.Observation
) -> observed.Refusal | None:
    """Return the refusal of a job whose pods can't be made, as their class went before them."""
    made = seen.workload is not None or draft.before.start_time is not None
    if made or not chosen.class_ or chosen.spec is not None:
        return None
    return judging.refusal(
        Reason.CLASS_NOT_FOUND,
        f"AcceleratorClass {chosen.class_} was chosen, and is gone or can't be used now; have it"
        " made again, or create the job anew with another one",
    )


def based(settings: policy.Policy, variant: str) -> policy.Policy:
    """Return the settings with the default bases of a variant, as a class names it."""
    if not variant:
        return settings
    return dataclasses.replace(settings, base_images=settings.variants.get(variant, {}))


def ordered(
    build: plan.BuildOrder, found: spec.TrainingJobSpec, chosen: choices.Choice
) -> plan.BuildOrder:
    """Return a build with the nodes of the choice, which may pull its base beforehand."""
    where = workload_pod.placement(found, chosen)
    nodes = workload_nodes.selector(found, chosen.labels) if build.nodes else ""
    return dataclasses.replace(build, placement=where, nodes=nodes)


def overdue(
    draft: drafts.Draft,
    seen: observed.Observation,
    refusal: observed.Refusal,
    settings: policy.Policy,
) -> failures.Failed | None:
    """Return the end of a job that nothing could hold for too long."""
    if draft.now < deadline(draft, seen, settings):
        return None
    return failures.Failed(
        reason=refusal.reason,
        message=f"nothing could hold the job for {settings.startup_deadline:.0f} s; last:"
        f" {refusal.message}",
        failure_class=reasons.FailureClass.QUOTA,
        advises=True,
    )


def deadline(draft: drafts.Draft, seen: observed.Observation, settings: policy.Policy) -> float:
    """Return when a job without a choice ends; a restart of the operator does not move it."""
    since = draft.since(Type.PLACED)
    return (seen.job.first_seen if since is None else since) + settings.startup_deadline


def _choose(
    found: spec.TrainingJobSpec, seen: observed.Observation, settings: policy.Policy
) -> choices.Choice | observed.Refusal:
    asked = found.accelerator or api.Accelerator(type=api.Type.CPU)
    first = str(asked.class_ or asked.type)
    refusals: list[observed.Refusal] = []
    for wish in (first, *(asked.fallback or ())):
        chosen = judging.of_wish(wish, found, asked, seen, settings)
        if not isinstance(chosen, observed.Refusal):
            if not refusals:
                return chosen
            why = _all_of(refusals).message
            return dataclasses.replace(chosen, fell_back_from=first, why=why)
        refusals.append(chosen)
    return _all_of(refusals)


def _all_of(refusals: Sequence[observed.Refusal]) -> observed.Refusal:
    """Return one refusal of all: the first one's reason, and every one's words."""
    first = refusals[0]
    others = [f"; of the fallback: {each.message}" for each in refusals[1:]]
    return dataclasses.replace(first, message=first.message + "".join(others))
