"""Checks at start what would otherwise show as a hang: the CRD and our permissions.

kopf waits silently for a kind that isn't served and retries a 403 for ever. Each gap is one
sentence that says what to do; `PreflightError` holds them all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainshed.api import labels
from trainshed.kube import client, errors, kinds
from trainshed.kube.kinds import Kind


class PreflightError(Exception):
    """The operator can't work; its text is one line for the log."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one kind, in one namespace or in all of them (empty)."""

    verb: str
    kind: Kind
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    """The one object that is asked for; empty: any."""

    def __str__(self) -> str:
        """Return it as a person would say it."""
        plural = f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        group = f".{self.kind.group}" if self.kind.group else ""
        named = f" {self.name}" if self.name else ""
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        return f"{self.verb} {plural}{group}{named} {where}"


IN_JOB_NAMESPACES: Sequence[tuple[Kind, str, str]] = (
    (kinds.TRAINING_JOBS, "", "get list watch"),
    (kinds.TRAINING_JOBS, "status", "patch"),
    (kinds.JOBS, "", "get list watch create delete"),
    (kinds.PODS, "", "get list watch"),
    (kinds.SERVICES, "", "get create"),
    (kinds.CONFIG_MAPS, "", "get"),
    (kinds.EVENTS, "", "create patch list"),
)
"""The chart's ClusterRole, as (kind, subresource, verbs)."""

FOR_CLAIMS: Sequence[tuple[Kind, str, str]] = ((kinds.CLAIM_TEMPLATES, "", "get create"),)
"""What the chart adds where there are classes: devices by dynamic resource allocation."""

FOR_GANGS: Mapping[str, Sequence[tuple[Kind, str, str]]] = {
    "auto": ((kinds.POD_GROUPS, "", "get create"),),
    "coscheduling": ((kinds.COSCHEDULED, "", "get create"),),
    "none": (),
}
"""What the chart adds by `placement.gang.by`: groups of pods that are placed all or none."""

FOR_DOCKERFILES: Sequence[tuple[Kind, str, str]] = ((kinds.NAMESPACES, "", "get"),)
"""What the chart adds where it names an engine: the labels of a job's own namespace."""

IN_OWN_NAMESPACE: Sequence[tuple[Kind, str]] = (
    (kinds.LEASES, "create"),
    (kinds.SECRETS, "create"),
    (kinds.ENDPOINT_SLICES, "create"),
)
ON_OWN_OBJECTS = "get update"
"""The chart's Role in the operator's namespace: create any (what is created has no name yet when
it is authorized), then read and write the one that is the operator's."""


@dataclass(frozen=True, slots=True)
class Names:
    """The operator's own objects."""

    lease: str
    secret: str
    endpoint_slice: str


def needed(
    *,
    own_namespace: str,
    names: Names,
    namespaces: Iterable[str] = (),
    dockerfiles: bool = False,
    claims: bool = False,
    gangs: str = "none",
) -> list[Permission]:
    """Return every permission that the operator uses; no `namespaces` means all.

    `dockerfiles`: whether it may have them built. `claims`: whether pods may claim devices.
    `gangs`: by what they are placed all or none.
    """
    found = [
        Permission(verb, kind, subresource, namespace)
        for namespace in (tuple(namespaces) or ("",))
        for kind, subresource, verbs in (
            *IN_JOB_NAMESPACES,
            *(FOR_DOCKERFILES if dockerfiles else ()),
            *(FOR_CLAIMS if claims else ()),
            *FOR_GANGS[gangs],
        )
        for verb in verbs.split()
    ]
    found += [Permission(verb, kind, "", own_namespace) for kind, verb in IN_OWN_NAMESPACE]
    own = {
        kinds.LEASES: names.lease,
        kinds.SECRETS: names.secret,
        kinds.ENDPOINT_SLICES: names.endpoint_slice,
    }
    found += [
        Permission(verb, kind, "", own_namespace, name)
        for kind, name in own.items()
        for verb in ON_OWN_OBJECTS.split()
    ]
    return found


def for_placement(*, makes: bool) -> list[Permission]:
    """Return what finding nodes, and telling of them, needs.

    `makes`: whether classes are made here.
    """
    verbs = ("get", "list", "watch")
    made = ("create", "update") if makes else ()
    return [
        *(Permission(verb, kinds.NODES) for verb in verbs),
        *(Permission(verb, kinds.CLASSES) for verb in (*verbs, *made)),
        Permission("patch", kinds.CLASSES, "status"),
    ]


def for_kueue(*, namespaces: Iterable[str] = ()) -> list[Permission]:
    """Return what telling Kueue's words needs."""
    return [
        Permission(verb, kinds.WORKLOADS[0], "", namespace)
        for namespace in (tuple(namespaces) or ("",))
        for verb in ("get", "list", "watch")
    ]


def for_registry(
    *, own_namespace: str, objects: Sequence[tuple[str, Kind, str]], namespaces: Iterable[str] = ()
) -> list[Permission]:
    """Return what the bundled registry needs besides.

    `objects`: verbs, kind and name of objects in the operator's own namespace.
    """
    secrets = [
        Permission(verb, kinds.SECRETS, "", namespace, name)
        for namespace in (tuple(namespaces) or ("",))
        for verb, name in (("create", ""), ("patch", labels.PULL_SECRET))
    ]
    own = [
        Permission(verb, kind, "", own_namespace, name)
        for verbs, kind, name in objects
        for verb in verbs.split()
    ]
    return [*secrets, *own]


async def check(
    api: client.Client, *, permissions: Iterable[Permission], served: Iterable[Kind]
) -> None:
    """Raise PreflightError where a kind is not served or a permission is missing."""
    problems = [problem for kind in served if (problem := await _unserved(api, kind))]
    asked = list(permissions)
    answers = await asyncio.gather(*(_allowed(api, permission) for permission in asked))
    missing = [str(p) for p, allowed in zip(asked, answers, strict=True) if not allowed]
    if missing:
        problems.append(f"the operator's ServiceAccount may not {', '.join(missing)}: fix its RBAC")
    if problems:
        raise PreflightError(problems)


async def _unserved(api: client.Client, kind: Kind) -> str | None:
    hint = f"install the CRDs: kubectl apply -f crds/{kind.plural}.yaml, or the chart"
    absent = f"the API server does not serve {kind.plural}.{kind.group}/{kind.version}; {hint}"
    try:
        discovery = json.loads(await api.raw("GET", kind.root))
    except errors.NotFound:
        return absent
    names = {resource["name"] for resource in discovery.get("resources", [])}
    if kind.plural not in names:
        return absent
    if f"{kind.plural}/status" not in names:
        return f"{kind.plural}.{kind.group} has no status subresource; {hint}"
    return None


async def _allowed(api: client.Client, permission: Permission) -> bool:
    review = {
        "apiVersion": kinds.ACCESS_REVIEWS.api_version,
        "kind": kinds.ACCESS_REVIEWS.name,
        "spec": {
            "resourceAttributes": {
                "verb": permission.verb,
                "group": permission.kind.group,
                "version": permission.kind.version,
                "resource": permission.kind.plural,
                "subresource": permission.subresource,
                "namespace": permission.namespace,
                "name": permission.name,
            }
        },
    }
    answer = await api.create(kinds.ACCESS_REVIEWS, review)
    return bool(answer.get("status", {}).get("allowed"))
