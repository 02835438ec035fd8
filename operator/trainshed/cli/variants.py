"""On which default bases a job's image is made: its class of accelerator may name others.

The operator knows the class once it has chosen one, by the nodes. Here it is known by its name; of
a type it is enough that all classes that may be chosen have the same bases. Where they have not, no
base is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trainshed import config
from trainshed.accelerators import classes
from trainshed.api import accelerator as api
from trainshed.cli import clusters, failing, manifests
from trainshed.core import judging

Known = Mapping[str, classes.Class]
NAMED = 4
"""How many classes of each variant a message names."""


async def known(
    manifest: manifests.Manifest,
    settings: config.Settings,
    cluster: clusters.Cluster | None,
    *,
    class_: str | None = None,
) -> Known:
    """Return the classes that there are: the file's own, and the cluster's or the chart's.

    `class_`: as for `based`.
    """
    shipped = settings.accelerator_classes.shipped
    bodies: list[Mapping[str, Any]] = [
        {"metadata": {"name": each.name}, "spec": each.spec} for each in shipped
    ]
    if cluster is not None and (settings.images.variants or class_):
        bodies = await cluster.classes()
    found = (classes.read(each) for each in (*bodies, *manifest.classes.values()))
    return {each.name: each for each in found}


def based(
    manifest: manifests.Manifest, settings: config.Settings, found: Known, class_: str | None
) -> tuple[config.Settings, str]:
    """Return the settings with the bases of the job's class, and what it is; raises Refused.

    `class_`: the one that is taken for chosen, whatever the job says.
    """
    asked = manifest.spec.accelerator or api.Accelerator(type=api.Type.CPU)
    wish = class_ or str(asked.class_ or asked.type)
    if indifferent := _indifferent(manifest, settings):
        if class_:
            raise failing.Refused(f"{indifferent}, so no class makes a difference: omit --class")
        return settings, ""
    named = list(_candidates(wish, found))
    if not named and wish != api.Type.CPU:
        return _unknown(wish, settings, class_)
    variant = _agreed(wish, named, manifest, settings)
    others = {
        each.variant for name in asked.fallback or () for each in _candidates(name, found)
    } - {variant}
    said = f"class {wish}" if wish not in set(api.Type) else f"any class of type {wish}"
    said += f", variant {variant}" if variant else ", the plain base"
    said += "; where it falls back, another base" if others and not class_ else ""
    if not variant:
        return settings, said if others or settings.images.variants or class_ else ""
    base = settings.images.variants[variant][manifest.spec.framework]
    images = settings.images.model_copy(update={str(manifest.spec.framework): base})
    return settings.model_copy(update={"images": images}), said


def _indifferent(manifest: manifests.Manifest, settings: config.Settings) -> str:
    """Return why the base is the same whatever the class; empty where it may be another."""
    if not settings.accelerator_classes.enabled:
        return "accelerator classes are off in these settings"
    stands = judging.takes_default(manifest.spec)
    return "" if stands else "the job's image stands on no default base"


def _candidates(wish: str, found: Known) -> Iterator[classes.Class]:
    """Yield the classes that a wish may come to."""
    type_ = api.Type.GPU if wish == api.Type.AUTO else wish
    for name, class_ in sorted(found.items()):
        of_type = class_.told and class_.type == type_
        # A class of some CPUs is for who names it.
        if name == wish or (of_type and (class_.everywhere or wish != api.Type.CPU)):
            yield class_


def _agreed(
    wish: str,
    named: Sequence[classes.Class],
    manifest: manifests.Manifest,
    settings: config.Settings,
) -> str:
    """Return the variant of all classes that can be chosen; raises Refused."""
    found: dict[str, list[str]] = {}
    refused = []
    for class_ in named:
        unfit = judging.invalid(class_) or judging.lacking(
            class_, manifest.spec, settings.images.variants
        )
        if unfit is None:
            found.setdefault(class_.variant, []).append(class_.name)
        else:
            refused.append(unfit)
    if wish == api.Type.AUTO:
        found.setdefault("", []).append("the CPU")
    if refused and not found:
        raise failing.Refused(f"{refused[0].reason}: {refused[0].message}")
    if len(found) > 1:
        said = "; ".join(
            f"{variant or 'plain'}: {', '.join(names[:NAMED])}{' …' * (len(names) > NAMED)}"
            for variant, names in sorted(found.items())
        )
        raise failing.Refused(
            f"which class of type {wish} a job gets is known in the cluster alone, and their bases"
            f" differ ({said}): name one by --class, or in accelerator.class"
        )
    return next(iter(found), "")


def _unknown(
    wish: str, settings: config.Settings, class_: str | None
) -> tuple[config.Settings, str]:
    """Return the plain bases where there are no others; raises Refused."""
    if not settings.images.variants and not class_:
        return settings, ""
    which = f"no AcceleratorClass is of type {wish}" if wish in set(api.Type) else ""
    which = which or f"there is no AcceleratorClass {wish}"
    raise failing.Refused(
        f"{which} here, and it may have another base: put its manifest into the same file, or ask a"
        " cluster that has it, without --config"
    )
