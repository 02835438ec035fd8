"""Which registries a build pod may call, and as whom.

Beside the operator's own it may call those that its order names, and no others: what a job names
is called in the job's namespace, by the job's own Secrets.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import orders, pods
from trainshed.registry import authentication, authorities, references, targets
from trainshed.registry import credentials as logins

_FIELDS = {"push": "image.pushSecret", "oci": "source.oci.pullSecret"}
_CONFIG = ".dockerconfigjson"
_AUTHORITY = "ca.crt"
_TOKENS: Mapping[str, tuple[str, ...]] = {
    references.DOCKER_HUB: ("auth.docker.io",),
    "registry.gitlab.com": ("gitlab.com",),
}
"""Who issues the tokens of well-known registries, where it is not themselves."""

PUSHER = authentication.Whose(
    "the job",
    "name a Secret of type kubernetes.io/dockerconfigjson in image.pushSecret",
    "the account in image.pushSecret",
)
"""Whose credentials a build pod has for the base and for the push."""


@dataclass(frozen=True, slots=True)
class Places:
    """The registries of an order. Paths are empty for none."""

    target: targets.Target
    ca_file: str = ""
    push_file: str = ""
    """Logins of `image.pushSecret`."""
    oci_file: str = ""
    """Logins of `source.oci.pullSecret`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the pod was given."""


def of(order: orders.Order, settings: Mapping[str, Any], *, mounts: Mounts | None = None) -> Places:
    """Return the registries of an order, by the settings that its pod was given."""
    mounts = mounts or Mounts()
    own = targets.Target(
        push=str(settings["push"]),
        pull=str(settings["pull"]),
        prefix=str(settings["prefix"]),
        allowed=frozenset(map(str, settings.get("allowed") or ())),
    )
    plain = {references.canonical(str(each)) for each in settings.get("withoutTls") or ()}
    return Places(
        target=replace(own, allowed=own.allowed | set(_added(own, order, plain))),
        ca_file=mounts.authorities(),
        push_file=mounts.login(mounts.push),
        oci_file=mounts.login(mounts.oci),
        settings=settings,
    )


def _added(own: targets.Target, order: orders.Order, plain: set[str]) -> Iterator[str]:
    """Yield the hosts that an order names beside those of the settings."""
    named = (order.base, order.oci.ref if order.oci else "", order.repository)
    for host in {references.parse(each).host for each in named if each}:
        if not own.reaches(host):
            yield f"http://{host}" if host in plain else host
            yield from _TOKENS.get(host, ())


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the kubelet has put what a pod is given."""

    files: pathlib.Path = pathlib.Path(pods.FILES)
    push: pathlib.Path = pathlib.Path(pods.PUSH_SECRET)
    oci: pathlib.Path = pathlib.Path(pods.OCI_SECRET)
    scratch: pathlib.Path = pathlib.Path("/tmp")

    def login(self, secret: pathlib.Path) -> str:
        """Return the path of a Secret's logins, empty where there are none; raises BuildFailed."""
        if not secret.exists():
            return ""
        try:
            logins.load(str(secret / _CONFIG))
        except ValueError as error:
            raise failing.BuildFailed(
                reasons.BuildReason.SECRET_INVALID,
                f"the Secret of {_FIELDS[secret.name]} is none of type"
                " kubernetes.io/dockerconfigjson with logins that can be read: it is tried"
                " again; make it by `kubectl create secret docker-registry`",
                terminal=False,
            ) from error
        return str(secret / _CONFIG)

    def authorities(self) -> str:
        """Return the path of all authorities that are trusted beside the system's."""
        places = (self.files, self.push, self.oci)
        known = [each / _AUTHORITY for each in places if (each / _AUTHORITY).exists()]
        text = "".join(map(authorities.read, known))
        if not text:
            return ""
        together = self.scratch / "authorities.pem"
        together.write_text(text, encoding="ascii")
        return str(together)
