"""On which class of accelerator a job runs: chosen once, before its image is made.

A choice is in the status from then on: nothing changes it silently. What is asked first is taken
where a node that there is, or that an autoscaler may make, can ever hold the job; only else what
`accelerator.fallback` names.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from trainshed.accelerators import choices, classes, fitting, index, misses, selecting
from trainshed.api import accelerator as api
from trainshed.api import accelerator_class, labels, reasons, spec, status
from trainshed.core import contradicting, failures, needs, observed, plan, policy, ranking
from trainshed.core import draft as drafts
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
    _places(seen).require(asked)
    known = draft.before.placement
    if known is not None and known.type:
        kept = recall(known, _places(seen))
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
        draft.told.append(plan.Notice(warning=True, reason=Reason.FELL_BACK, message=said))
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
    )


def _gone(
    chosen: choices.Choice, draft: drafts.Draft, seen: observed.Observation
) -> observed.Refusal | None:
    """Return the refusal of a job whose pods can't be made, as their class went before them."""
    made = seen.workload is not None or draft.before.start_time is not None
    if made or not chosen.class_ or chosen.spec is not None:
        return None
    return _refusal(
        Reason.CLASS_NOT_FOUND,
        f"AcceleratorClass {chosen.class_} was chosen, and is gone or can't be used now; have it"
        " made again, or create the job anew with another one",
    )


def based(settings: policy.Policy, chosen: choices.Choice) -> policy.Policy:
    """Return the settings with the default bases of the choice."""
    if not chosen.variant:
        return settings
    return dataclasses.replace(settings, base_images=settings.variants.get(chosen.variant, {}))


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
        chosen = _of_wish(wish, found, asked, seen, settings)
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


def _of_wish(
    wish: str,
    found: spec.TrainingJobSpec,
    asked: api.Accelerator,
    seen: observed.Observation,
    settings: policy.Policy,
) -> choices.Choice | observed.Refusal:
    """Return the choice of one type or class by its name."""
    if wish == api.Type.AUTO:
        chosen = _of_wish(api.Type.GPU, found, asked, seen, settings)
        return _cpu(seen) if isinstance(chosen, observed.Refusal) else chosen
    if wish == api.Type.CPU:
        return _cpu(seen)
    named = list(_candidates(wish, _places(seen)))
    if not named:
        return _unknown(wish, _places(seen))
    queued = labels.QUEUE in seen.job.labels
    needed, judged = needs.of(found, devices=asked.count, queued=queued), []
    for class_ in named:
        verdict = _judge(class_, found, needed, _places(seen), settings)
        if isinstance(verdict, str):
            judged.append(choices.of(class_, resource=verdict, count=asked.count))
        elif len(named) == 1:
            return verdict
    if judged:
        return ranking.first(judged, seen)
    return observed.Refusal(
        Reason.NO_NODE_FITS,
        misses.of_type(_places(seen), wish, named, needed, replicas=found.replicas),
        terminal=False,
    )


def _candidates(wish: str, places: index.Index) -> Iterator[classes.Class]:
    """Yield the classes of a type, or the one of a name."""
    known = places.known()
    for name in sorted(known):
        class_ = known[name]
        of_type = class_.told and class_.type == wish
        if name == wish or of_type:
            yield class_


def _judge(
    class_: classes.Class,
    found: spec.TrainingJobSpec,
    needed: fitting.Need,
    places: index.Index,
    settings: policy.Policy,
) -> str | observed.Refusal:
    """Return the resource of the class's devices, or why it can't be chosen."""
    if class_.problem or class_.spec is None:
        said = f"AcceleratorClass {class_.name} can't be used: {class_.problem}"
        return _refusal(Reason.CLASS_INVALID, f"{said}; have whoever runs the cluster mend it")
    contradiction = contradicting.refusal(class_, found)
    if contradiction is not None:
        return contradiction
    variant = class_.spec.image.variant if class_.spec.image is not None else ""
    if (
        variant
        and _takes_default(found)
        and not settings.variants.get(variant, {}).get(found.framework)
    ):
        return _refusal(
            Reason.BASE_IMAGE_MISSING,
            f"AcceleratorClass {class_.name} needs base images of the variant {variant}, and the"
            f" chart names none for {found.framework}; give image.base, or have"
            f" images.variants.{variant}.{found.framework} set",
        )
    return _held(class_, needed, places, replicas=found.replicas)


def _held(
    class_: classes.Class, needed: fitting.Need, places: index.Index, *, replicas: int
) -> str | observed.Refusal:
    """Return the resource by which nodes of a class may hold a job.

    One node that holds a pod is enough: whether more of them come, nobody tells, unless they are
    of a pool that says so itself and has none now. Of several resources that a pattern takes, all
    pods ask for the one that most of them find room for.
    """
    rooms: Counter[str] = Counter()
    for shape, known, nodes_ in places.shapes(class_.name):
        for name in class_.names(shape, known):
            verdict = fitting.judge(shape, class_, needed, resource=name)
            if verdict.stage is fitting.Stage.FITS:
                rooms[name] += nodes_ * fitting.pods(shape, verdict, needed)
    if rooms:
        return rooms.most_common(1)[0][0]
    made, room = class_.spec.scale_from_zero if class_.spec is not None else None, 0
    if made is not None and made.allocatable >= needed.devices:
        room = made.max_nodes * (made.allocatable // max(1, needed.devices))
        if room >= replicas:
            return class_.plain
    told = misses.of_class(places, class_, needed, room=room, replicas=replicas)
    return _refusal(Reason.NO_NODE_FITS, told)


def _takes_default(found: spec.TrainingJobSpec) -> bool:
    image = found.image
    return image is None or (image.ref is None and image.base is None and not image.dockerfile)


def _cpu(seen: observed.Observation) -> choices.Choice:
    """Return the class of all CPUs; those of some nodes are for who asks for them by name."""
    every = (each for each in _candidates(api.Type.CPU, _places(seen)) if each.everywhere)
    class_ = next(every, None)
    return choices.of(class_, resource="", count=0) if class_ is not None else choices.NONE


def _places(seen: observed.Observation) -> index.Index:
    return seen.places if seen.places is not None else index.Index()


def _unknown(wish: str, places: index.Index) -> observed.Refusal:
    if wish in set(api.Type):
        return _refusal(
            Reason.CLASS_NOT_FOUND,
            f"no AcceleratorClass is of type {wish}; have whoever runs the cluster create one, or"
            " ask for another type",
        )
    known = ", ".join(sorted(places.known())[:12]) or "none"
    return _refusal(
        Reason.CLASS_NOT_FOUND,
        f"there is no AcceleratorClass {wish}; create the job anew with one that is there"
        f" ({known}), or have this one created",
    )


def _refusal(reason: Reason, message: str) -> observed.Refusal:
    return observed.Refusal(reason, message, terminal=False)
