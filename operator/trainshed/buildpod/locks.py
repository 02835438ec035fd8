"""Locks: what uv's have, and the TOML files that a source may have them in. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging import requirements as pep508
from packaging import utils

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement, and the hashes that its files may have."""

    text: str
    hashes: Sequence[str] = ()


def pylock(text: str) -> Iterator[Line]:
    """Yield the packages of a pylock.toml; raises ValueError."""
    for each in _tables(tomllib.loads(text).get("packages")):
        name, version = str(each.get("name")), each.get("version")
        if version is None or any(key in each for key in ("vcs", "directory", "archive")):
            raise ValueError(
                f"{name[:100]!a} has a place of its own, and packages come from the index alone:"
                " lock a version of it that an index has"
            )
        files = [*_tables(each.get("wheels")), *_tables([each.get("sdist")])]
        hashes = [f"sha256:{found}" for one in files if (found := _sha256(one))]
        if not hashes:
            raise ValueError(f"{name[:100]!a} has no sha256 of a file: lock it anew")
        marker = f" ; {each['marker']}" if each.get("marker") else ""
        yield Line(f"{name}=={version}{marker}", tuple(dict.fromkeys(hashes)))


def pyproject(text: str) -> Iterator[Line]:
    """Yield the dependencies of a pyproject.toml; raises ValueError."""
    project = tomllib.loads(text).get("project")
    if not isinstance(project, Mapping) or "dependencies" in project.get("dynamic", ()):
        raise ValueError("it has no list project.dependencies: write one, or a requirements.txt")
    listed = project.get("dependencies", [])
    if not isinstance(listed, list):
        raise ValueError("project.dependencies is no list")
    yield from (Line(str(each)) for each in listed)


def without(lock: str, names: Collection[str]) -> str:
    """Return a lock without the packages of these normalised names: the base has them."""
    kept: list[str] = []
    keeping = True
    for line in lock.splitlines():
        if line and not line[0].isspace():
            keeping = name(line) not in names
        if keeping and line.strip():
            kept.append(line.rstrip())
    return "".join(f"{each}\n" for each in kept)


def blocks(lock: str) -> dict[str, str]:
    """Return the lines of each package of a lock, by its normalised name."""
    found: dict[str, str] = {}
    current = ""
    for line in lock.splitlines():
        if line and not line[0].isspace():
            current = name(line)
        found[current] = f"{found.get(current, '')}{line.strip()}\n"
    return {each: text for each, text in found.items() if each}


def allowing(lock: str, hashes: Mapping[str, str]) -> str:
    """Return a lock that allows a further file of some packages: the sha256 of each by its name."""
    found: list[str] = []
    for name, text in blocks(lock).items():
        parts = [line.rstrip("\\").strip() for line in text.splitlines()]
        more = f"--hash=sha256:{hashes[name]}" if name in hashes else ""
        if more and more not in parts:
            parts.append(more)
        found.append(" \\\n    ".join(parts))
    return "".join(f"{each}\n" for each in found)


def name(line: str) -> str:
    """Return the normalised name that a requirement begins with; empty where there is none."""
    found = _NAME.match(line)
    return str(utils.canonicalize_name(found[0])) if found else ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A user's own lock on a base."""

    text: str
    """What is to be installed."""
    contradicts: Sequence[tuple[str, str, str]]
    """Name, version in the lock and version in the base, where they differ."""


def on_base(
    lines: Sequence[str], packages: Mapping[str, str], environment: Mapping[str, str]
) -> Chosen:
    """Return what of a lock's lines a base lacks, and what it has otherwise."""
    kept: list[str] = []
    contradicts: list[tuple[str, str, str]] = []
    for line in lines:
        wanted = pep508.Requirement(line.partition(" --hash=")[0])
        if wanted.marker is not None and not wanted.marker.evaluate(dict(environment)):
            continue
        had = packages.get(str(utils.canonicalize_name(wanted.name)))
        if had is None:
            requirement = f"{wanted.name}{wanted.specifier}"
            hashes = line.split(" --hash=")[1:]
            kept.append(" \\\n    --hash=".join((requirement, *hashes)))
        elif not wanted.specifier.contains(had, prereleases=True):
            contradicts.append((wanted.name, str(wanted.specifier).lstrip("="), had))
    return Chosen("".join(f"{each}\n" for each in sorted(kept)), contradicts)


def beyond(lock: str, constraints: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines of a lock that constraints forbid, each with the constraint.

    Raises ValueError where a constraint is no requirement.
    """
    limits: dict[str, list[pep508.Requirement]] = {}
    for each in constraints:
        if text := each.partition("#")[0].strip():
            wanted = pep508.Requirement(text)
            limits.setdefault(name(wanted.name), []).append(wanted)
    found: list[tuple[str, str]] = []
    for line in lock.splitlines():
        if not line or line[0].isspace():
            continue
        text = line.partition(" ")[0].rstrip("\\").strip()
        version = text.rpartition("==")[2]
        found += [
            (text, str(limit))
            for limit in limits.get(name(text), ())
            if not limit.specifier.contains(version, prereleases=True)
        ]
    return found


def environment(python: str, platform: str) -> dict[str, str]:
    """Return what markers are about, for a base's Python X.Y and platform."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": platform.partition("-")[0],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
        "extra": "",
    }


def _tables(found: Any) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _sha256(file: Mapping[str, Any]) -> str:
    hashes = file.get("hashes")
    found = hashes.get("sha256") if isinstance(hashes, Mapping) else None
    return found if isinstance(found, str) and re.fullmatch(r"[0-9a-f]{64}", found) else ""
