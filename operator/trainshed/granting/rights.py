"""Who may do what in the bundled registry. Pure: no token, no request.

Nobody who asks gets `delete`, `*` or the catalog: those are the operator's, which asks nobody.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MOST_SCOPES = 16
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")
_SCOPE = re.compile(r"repository:(?P<name>[^\s:]{1,255}):(?P<actions>[a-z*,]{1,64})")
PULL, PUSH = "pull", "push"
Access = list[dict[str, Any]]
"""The claim `access` of a registry's token."""


class Role(enum.StrEnum):
    """What somebody is to the registry."""

    BUILDER = "builder"
    """A build pod: pulls and pushes its namespace's images, pulls bases."""
    PULLER = "puller"
    """The kubelet, by a namespace's pull Secret: pulls its images, and bases."""
    ADMINISTRATOR = "administrator"
    """A person, by a Secret of the operator's namespace: pulls and pushes bases."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who asks. `namespace` is empty for an administrator."""

    role: Role
    namespace: str = ""


def access(account: Account, scopes: Iterable[str], *, folder: str) -> Access:
    """Return what an account gets of the scopes that it asks for; what it may not is left out.

    `folder`: where the namespaces' repositories are, such as `trainshed/ns`.
    """
    found: Access = []
    for scope in _split(scopes)[:MOST_SCOPES]:
        asked = _SCOPE.fullmatch(scope)
        if asked is None or not _NAME.fullmatch(asked["name"]):
            continue
        may = _may(account, asked["name"], folder)
        actions = sorted(may.intersection(asked["actions"].split(",")))
        if actions:
            found.append({"type": "repository", "name": asked["name"], "actions": actions})
    return found


def _split(scopes: Iterable[str]) -> Sequence[str]:
    """Return single scopes: a client may send one parameter for each, or one for all."""
    return [each for scope in scopes for each in scope.split(" ") if each]


def _may(account: Account, repository: str, folder: str) -> frozenset[str]:
    # The folder itself is nobody's: who could push there could shadow what lies below.
    if repository == folder or f"{folder}/".startswith(f"{repository}/"):
        return frozenset()
    inside = repository.startswith(f"{folder}/")
    if account.role is Role.ADMINISTRATOR:
        return frozenset() if inside else frozenset({PULL, PUSH})
    if not inside:
        return frozenset({PULL})
    owner = repository.removeprefix(f"{folder}/").partition("/")[0]
    if not account.namespace or owner != account.namespace:
        return frozenset()
    return frozenset({PULL, PUSH} if account.role is Role.BUILDER else {PULL})
