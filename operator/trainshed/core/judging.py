"""What one wish for an accelerator comes to: a class by its name, a type, or `auto`.

Each class is asked whether a node that there is, or may be, can ever hold the job. Of those that
can the best is taken; where none can, one refusal is told of all.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from trainshed.accelerators import choices, classes, fitting, index, misses
from trainshed.api import accelerator as api
from trainshed.api import labels, reasons, spec
from trainshed.core import contradicting, needs, observed, policy, ranking

Reason = reasons.Reason


def of_wish(
    wish: str,
    found: spec.TrainingJobSpec,
    asked: api.Accelerator,
    seen: observed.Observation,
    settings: policy.Policy,
) -> choices.Choice | observed.Refusal:
    """Return the choice of one type or class by its name."""
    if wish == api.Type.AUTO:
        chosen = of_wish(api.Type.GPU, found, asked, seen, settings)
        return _instead(chosen, seen) if isinstance(chosen, observed.Refusal) else chosen
    if wish == api.Type.CPU:
        return _cpu(seen)
    named = list(candidates(wish, known(seen)))
    if not named:
        return _unknown(wish, known(seen))
    queued = labels.QUEUE in seen.job.labels
    needed, judged = needs.of(found, devices=asked.count, queued=queued), []
    refused: list[tuple[classes.Class, observed.Refusal]] = []
    for class_ in named:
        verdict = _judge(class_, found, needed, known(seen), settings)
        if isinstance(verdict, observed.Refusal):
            refused.append((class_, verdict))
        else:
            judged.append(choices.of(class_, resource=verdict, count=asked.count))
    if judged:
        return ranking.first(judged, seen)
    if len(refused) == 1:
        return refused[0][1]
    return _of_all(wish, refused, seen, needed, replicas=found.replicas)


def _of_all(
    wish: str,
    refused: Sequence[tuple[classes.Class, observed.Refusal]],
    seen: observed.Observation,
    needed: fitting.Need,
    *,
    replicas: int,
) -> observed.Refusal:
    """Return one refusal of several classes of a type: of those that have nodes, if any has.

    The nodes that come nearest tell most; where they could hold it, what keeps the job off them.
    """
    there = [each for each in refused if _there(each[0], seen)] or list(refused)
    near = [class_ for class_, why in there if why.reason == Reason.NO_NODE_FITS]
    if not near:
        return there[0][1]
    told = misses.of_type(known(seen), wish, near, needed, replicas=replicas)
    return refusal(Reason.NO_NODE_FITS, told)


def candidates(wish: str, places: index.Index) -> Iterator[classes.Class]:
    """Yield the classes of a type, or the one of a name."""
    for name, class_ in sorted(places.known().items()):
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
    unfit = invalid(class_) or contradicting.refusal(class_, found)
    if unfit is not None:
        return unfit
    baseless = lacking(class_, found, settings.variants) if takes_default(found) else None
    return baseless or _held(class_, needed, places, replicas=found.replicas)


def lacking(
    class_: classes.Class, found: spec.TrainingJobSpec, variants: Mapping[str, Mapping[str, str]]
) -> observed.Refusal | None:
    """Return why a class's jobs have no default base; None where they have one."""
    variant = class_.variant
    if not variant or variants.get(variant, {}).get(found.framework):
        return None
    return refusal(
        Reason.BASE_IMAGE_MISSING,
        f"AcceleratorClass {class_.name} needs base images of the variant {variant}, and the"
        f" chart names none for {found.framework}; give image.base, or have"
        f" images.variants.{variant}.{found.framework} set",
    )


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
    return refusal(Reason.NO_NODE_FITS, told)


def invalid(class_: classes.Class) -> observed.Refusal | None:
    """Return why a class can't be used as it is written; None where it can."""
    if not class_.problem and class_.spec is not None:
        return None
    said = f"AcceleratorClass {class_.name} can't be used: {class_.problem}"
    return refusal(Reason.CLASS_INVALID, f"{said}; have whoever runs the cluster mend it")


def takes_default(found: spec.TrainingJobSpec) -> bool:
    """Return whether a job's image stands on a default base, which its class may vary."""
    image = found.image
    return image is None or (image.ref is None and image.base is None and not image.dockerfile)


def _cpu(seen: observed.Observation) -> choices.Choice:
    """Return the class of all CPUs; those of some nodes are for who asks for them by name."""
    every = (each for each in candidates(api.Type.CPU, known(seen)) if each.everywhere)
    class_ = next(every, None)
    return choices.of(class_, resource="", count=0) if class_ is not None else choices.NONE


def _instead(refused: observed.Refusal, seen: observed.Observation) -> choices.Choice:
    """Return the CPU, with which `auto` is content; where there are GPUs it is a warning."""
    gpus = any(_there(each, seen) for each in candidates(api.Type.GPU, known(seen)))
    asked, why = str(api.Type.GPU), refused.message
    return dataclasses.replace(_cpu(seen), fell_back_from=asked, why=why, expected=not gpus)


def _there(class_: classes.Class, seen: observed.Observation) -> bool:
    """Return whether the cluster has, or may have, nodes of a class, if without its devices."""
    pool = class_.spec is not None and class_.spec.scale_from_zero is not None
    shapes = known(seen).shapes(class_.name)
    return pool or next(shapes, None) is not None or known(seen).bare(class_.name) > 0


def known(seen: observed.Observation) -> index.Index:
    """Return the nodes and classes that there are."""
    return seen.places if seen.places is not None else index.Index()


def _unknown(wish: str, places: index.Index) -> observed.Refusal:
    if wish in set(api.Type):
        return refusal(
            Reason.CLASS_NOT_FOUND,
            f"no AcceleratorClass is of type {wish}; have whoever runs the cluster create one, or"
            " ask for another type",
        )
    names = ", ".join(sorted(places.known())[:12]) or "none"
    return refusal(
        Reason.CLASS_NOT_FOUND,
        f"there is no AcceleratorClass {wish}; create the job anew with one that is there"
        f" ({names}), or have this one created",
    )


def refusal(reason: Reason, message: str) -> observed.Refusal:
    """Return why there is no choice yet; another node or class may change it."""
    return observed.Refusal(reason, message, terminal=False)
