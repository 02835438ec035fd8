"""What was installed into a cluster that stays: kept beside it, so that `down` removes that much.

Whoever installs writes it; a cluster that goes as a whole needs none.
"""

from __future__ import annotations

import pathlib
from dataclasses import asdict, dataclass

from hack.cluster import documents


@dataclass(frozen=True, slots=True)
class Installed:
    """A helm release, and the namespaces that were made for it and for its jobs."""

    helm: str
    release: str
    namespace: str
    made: tuple[str, ...]


def record(state: pathlib.Path, installed: Installed) -> None:
    """Keep it in the cluster's folder."""
    documents.write(_path(state), documents.to_json(asdict(installed)))


def recorded(state: pathlib.Path) -> Installed | None:
    """Return what was installed last, or nothing."""
    found = documents.read_json(_path(state))
    return Installed(**{**found, "made": tuple(found["made"])}) if found else None


def _path(state: pathlib.Path) -> pathlib.Path:
    return state / "installed.json"
