"""Which manifests of a namespace's repository may go: by age, and by what is still named. Pure.

Age is counted from the last day on which a manifest was named, or first seen: when it was made says
nothing of whether it is used. Days are numbers that grow by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

_NAMED = re.compile(rb"sha256:[0-9a-f]{64}|\b[a-z]-[0-9a-f]{32}")
_KEY = re.compile(r"[a-z]-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest with all of its tags: it goes with them or stays with them."""

    digest: str
    tags: tuple[str, ...]
    children: tuple[str, ...] = ()
    """Digests that an index has; most of them have no tag."""
    subject: str = ""
    """What it tells of, where it is no image itself."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes, each after all that refer to it, and what to remember for the next time."""

    doomed: tuple[str, ...]
    used: Mapping[str, int]
    """The day of the last use, of what stays."""


def named(documents: Iterable[bytes]) -> frozenset[str]:
    """Return every digest and every content key that texts name, wherever in them it stands."""
    return frozenset(
        match.group().decode() for text in documents for match in _NAMED.finditer(text)
    )


def judge(
    found: Sequence[Manifest],
    *,
    names: Set[str],
    used: Mapping[str, int],
    today: int,
    days: int,
) -> Verdict:
    """Return what goes: unnamed for `days`, and needed by nothing that stays.

    `used`: the day of the last use that is known of a digest. A clock that was ahead does no harm.
    """
    known = {each.digest: each for each in found}
    since = {
        each.digest: today if _is_named(each, names) else min(used.get(each.digest, today), today)
        for each in found
    }
    fresh = {digest for digest, day in since.items() if today - day < days}
    kept = _needed(known, fresh | (names & _all(known)))
    doomed = [each.digest for each in found if each.digest not in kept]
    # Without its index, nothing tells of a child: it would stay for ever.
    orphans = {child for digest in doomed for child in known[digest].children}
    doomed += sorted(orphans - kept - set(doomed))
    return Verdict(tuple(doomed), {digest: since[digest] for digest in since if digest in kept})


def _is_named(manifest: Manifest, names: Set[str]) -> bool:
    keys = {match.group() for tag in manifest.tags if (match := _KEY.match(tag))}
    return not names.isdisjoint({manifest.digest, *manifest.children, *keys})


def _all(known: Mapping[str, Manifest]) -> set[str]:
    return set(known) | {child for each in known.values() for child in each.children}


def _needed(known: Mapping[str, Manifest], wanted: Set[str]) -> set[str]:
    """Return what must stay: what is wanted, what that has, and what tells of it."""
    tells: dict[str, list[str]] = {}
    for each in known.values():
        if each.subject:
            tells.setdefault(each.subject, []).append(each.digest)
    kept: set[str] = set()
    waiting = list(wanted)
    while waiting:
        digest = waiting.pop()
        if digest not in kept:
            kept.add(digest)
            waiting += known[digest].children if digest in known else ()
            waiting += tells.get(digest, ())
    return kept
