"""Chooses the provider: the one that is up, the one asked for, else the first that can run.

An existing context is never chosen, only named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hack.cluster import documents, errors, settings
from hack.cluster.providers import base

AUTOMATIC = ("kind", "host")


def choose(
    asked: str | None,
    *,
    recorded: str | None,
    available: Mapping[str, base.Provider],
    note: Callable[[str], None],
    order: Sequence[str] = AUTOMATIC,
) -> base.Provider:
    """Return the provider to use for `up`."""
    if asked is not None and asked not in available:
        raise errors.ClusterError(f"no provider {asked!r}: there are {', '.join(available)}")
    if recorded is not None and asked not in (None, recorded):
        raise errors.Conflict(
            f"the cluster is up by the provider {recorded}: take it down before you use {asked}"
        )
    if (name := asked or recorded) is not None:
        reason = available[name].unavailable()
        if reason is not None:
            raise errors.Unavailable(f"the provider {name} cannot run here: {reason}")
        return available[name]
    reasons: list[str] = []
    for name in order:
        reason = available[name].unavailable()
        if reason is None:
            for text in reasons:
                note(text)
            return available[name]
        reasons.append(f"not the provider {name}: {reason}")
    raise errors.Unavailable("no provider can run here\n  " + "\n  ".join(reasons))


def record(cluster: settings.Settings, provider: base.Provider) -> None:
    """Remember which provider the cluster has."""
    written = documents.to_json({"provider": provider.name})
    documents.write(cluster.state / "cluster.json", written)


def recorded(cluster: settings.Settings) -> str | None:
    """Return the provider of the cluster that is up, or of one that broke on its way."""
    found = documents.read_json(cluster.state / "cluster.json").get("provider")
    return str(found) if found else None
