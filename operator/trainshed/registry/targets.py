"""Where images go to: the registry by each of its names, and a repository for each namespace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib import parse

from trainshed.registry import errors, references

_NAMESPACES = "ns"
"""The folder of the namespaces' repositories: what lies beside it, such as bases, is nobody's."""
NAMESPACE = "{namespace}"
"""Stands for each namespace in a prefix of its own."""


@dataclass(frozen=True, slots=True)
class Target:
    """The registry that images go to, under the names that each side has for it."""

    push: str
    """URL, as the operator reaches it."""
    pull: str
    """Host, as nodes name it."""
    prefix: str
    """First part of every repository; with `{namespace}` each namespace has one of its own."""
    allowed: frozenset[str]
    """Other hosts that may be called, `http://` before those without TLS."""

    def check(self) -> None:
        """Raise ValueError where no registry can be meant."""
        parts = parse.urlsplit(self.push)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("registry.push must be a URL, such as https://registry.example")
        if "@" in parts.netloc:
            raise ValueError("registry.push must not hold credentials: use registry.credentials")
        if parts.path.strip("/") or "/" in self.pull:
            raise ValueError(
                "registry.push and registry.pull must name a host only: put the path into"
                " registry.prefix"
            )
        if self.prefix.count(NAMESPACE) > 1 or NAMESPACE in self.prefix.split("/"):
            raise ValueError(
                f"registry.prefix may hold {NAMESPACE} once, in a name that has more to it, such as"
                f" trainshed-{NAMESPACE}: what else lies there would be a namespace's"
            )
        references.parse(f"{self.pull}/{self.repository('any')}")

    def repository(self, namespace: str) -> str:
        """Return where a namespace's images are."""
        return f"{self.folder}/{namespace}".replace(NAMESPACE, namespace)

    def admit(self, namespace: str, base: references.Reference) -> None:
        """Raise BaseNotAllowed for a base that is another namespace's.

        Whatever its host is: one registry may have more names than the settings tell.
        """
        owner = self.owner(base)
        if owner not in ("", namespace):
            raise errors.BaseNotAllowed(
                f"base image {base.host}/{base.repository} is of namespace {owner}, and only its"
                f" own jobs may build on it: push it to a repository outside of"
                f" {self.folder}, or name another image.base"
            )

    def owner(self, named: references.Reference) -> str:
        """Return the namespace that a repository is of; empty for nobody's."""
        if NAMESPACE in self.prefix:
            return _apart(self.prefix.strip("/").split("/"), named.repository.split("/"))
        folder = f"{self.folder}/"
        if not named.repository.startswith(folder):
            return ""
        return named.repository.removeprefix(folder).partition("/")[0]

    def reaches(self, host: str) -> bool:
        """Return whether a host may be called."""
        try:
            self.url(host)
        except errors.NotAllowed:
            return False
        return True

    def url(self, host: str) -> str:
        """Return the URL of a host; raises NotAllowed."""
        own = (self.pull, parse.urlsplit(self.push).netloc)
        if host in {references.canonical(each) for each in own}:
            return self.push.rstrip("/")
        known = self.others()
        for entry, url in ((host, f"https://{host}"), (f"http://{host}", f"http://{host}")):
            if entry in known:
                return url
        raise errors.NotAllowed(
            f"registry {host} is not one that the operator may call: ask for it to be added to"
            " registry.allowed, or use a base image of an allowed one"
        )

    def others(self) -> set[str]:
        """Return the other hosts as `host`, or `http://host`."""
        plain = (each.rstrip("/").removeprefix("https://") for each in self.allowed)
        return {references.canonical(each) for each in plain}

    @property
    def folder(self) -> str:
        """Return where the repositories of the namespaces are, or of each the own one."""
        return f"{self.prefix.strip('/')}/{_NAMESPACES}".lstrip("/")


def _apart(prefix: Sequence[str], path: Sequence[str]) -> str:
    """Return the namespace that a path has in a name of its own; empty for none.

    It stands where the prefix has it, whatever the project is called. Elsewhere it is looked for
    after that: a project may have more names than one, and a registry another way of paths.
    """
    at = next(place for place, each in enumerate(prefix) if NAMESPACE in each)
    before, after = map(re.escape, prefix[at].split(NAMESPACE))
    name = re.compile(f"{before}(.+){after}")
    elsewhere = () if path[:at] == prefix[:at] else path[:at]
    found = filter(None, map(name.fullmatch, (*path[at:], *elsewhere)))
    return next((each[1] for each in found), "")
