"""From what a job wants to a lock: what is to be installed on a base, each file by its hash."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.api import reasons
from trainshed.buildpod import failing, locks, stubs, uv, variants, wishes
from trainshed.builds import inventories

BuildReason = reasons.BuildReason


@dataclass(frozen=True, slots=True)
class Lock:
    """The packages that a base lacks."""

    text: str

    @property
    def hash(self) -> str:
        """Return `sha256:<hex>` of the text."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"


def resolve(
    wish: wishes.Wish,
    base: inventories.Inventory,
    *,
    program: uv.Uv,
    work: pathlib.Path,
    constraints: str = "",
) -> Lock:
    """Return the lock of a wish on a base; raises BuildFailed."""
    if wish.locked:
        return given(wish, base, constraints.splitlines())
    had = variants.known(base.packages)
    stubs.write(had, program.base)
    wanted, limits = work / "wanted.in", work / "constraints.txt"
    wanted.write_text(_lines(wish.lines), encoding="utf-8")
    limits.write_text(_lines([*wish.constraints, *constraints.splitlines()]), encoding="utf-8")
    text = program.compile(wanted, "--constraints", str(limits), *target(base))
    return Lock(locks.without(text, had.keys()))


def target(base: inventories.Inventory) -> Sequence[str]:
    """Return uv's options for a base, by which nothing is built."""
    return (*aim(base), "--only-binary", ":all:")


def aim(base: inventories.Inventory) -> Sequence[str]:
    """Return uv's options for a base's Python and platform."""
    return ("--python-version", base.python, "--python-platform", base.platform)


def given(wish: wishes.Wish, base: inventories.Inventory, constraints: Sequence[str]) -> Lock:
    """Return what of a wish that is a lock is to be installed on a base; raises BuildFailed."""
    around = locks.environment(base.python, base.platform)
    chosen = locks.on_base(wish.lines, variants.known(base.packages), around)
    if chosen.contradicts:
        told = "; ".join(
            f"{name}: the lock has {wanted}, the base {had}"
            for name, wanted, had in chosen.contradicts[:10]
        )
        raise failing.BuildFailed(
            BuildReason.REQUIREMENTS_CONFLICT,
            f"{told}: lock the base's versions, leave them out of the lock, or use another"
            " image.base: what the base has is never replaced",
        )
    try:
        forbidden = locks.beyond(chosen.text, constraints)
    except ValueError as error:
        raise failing.BuildFailed(
            BuildReason.REQUIREMENTS_INVALID,
            f"builder.index.constraints of the chart has a line that is none ({error}): have it"
            " mended",
        ) from error
    if forbidden:
        told = "; ".join(f"{line}: the operator allows {limit}" for line, limit in forbidden[:10])
        raise failing.BuildFailed(
            BuildReason.REQUIREMENTS_CONFLICT,
            f"{told}: lock other versions, or have builder.index.constraints of the chart changed",
        )
    return Lock(chosen.text)


def _lines(found: Sequence[str]) -> str:
    return "".join(f"{each}\n" for each in found)
