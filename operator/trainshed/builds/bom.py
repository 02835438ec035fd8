"""What is in an image, as a CycloneDX document: the same contents give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib import parse

from trainshed.builds import provenance

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SEPARATORS = re.compile(r"[-_.]+")

Component = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """A Python package, and which files of it may have been installed: their SHA-256."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Packages:
    """The Python packages of one platform's image: the base's, and what was put onto it."""

    base: Sequence[Package]
    added: Sequence[Package]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What goes into an image, as far as it is known. Digests are `sha256:<hex>`."""

    image: str
    """Host and repository, as nodes name it."""
    digest: str
    base: str
    base_digest: str
    library: str
    """The hash of the training library's tree."""
    source: str
    """The hash of the code's tree; empty where there is no code."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Where the code is from, as annotations."""
    packages: Mapping[str, Packages] = field(default_factory=dict)
    """By platform; empty where nobody has looked."""


def compose(found: Contents) -> bytes:
    """Return the document."""
    parts = [_base(found), _library(found), *_source(found)]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                **_image(found.image, found.digest),
                "bom-ref": "image",
                "properties": [
                    _property("base-packages", "python" if found.packages else "unknown")
                ],
            }
        },
        "components": [*parts, *_packages(found.packages)],
        "dependencies": [{"ref": "image", "dependsOn": [each["bom-ref"] for each in parts]}],
        # A base's packages that are none of Python's are not looked for.
        "compositions": [{"aggregate": "incomplete", "assemblies": ["image"]}],
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def locked(lock: str) -> list[Package]:
    """Return the packages of a lock: lines of `name==version`, with `--hash=sha256:` after them."""
    found: list[Package] = []
    for line in lock.splitlines():
        if (named := _NAMED.match(line)) is not None:
            found.append(Package(named[1], named[2]))
        if hashes := tuple(_HASH.findall(line)):
            last = found[-1]
            found[-1] = Package(last.name, last.version, last.hashes + hashes)
    return found


def purl(package: Package) -> str:
    """Return a package's URL by its name in an index."""
    name = _SEPARATORS.sub("-", package.name).lower()
    return f"pkg:pypi/{name}@{parse.quote(package.version, safe='.-_~')}"


def _base(found: Contents) -> Component:
    return {**_image(found.base, found.base_digest), "bom-ref": "base"}


def _library(found: Contents) -> Component:
    return {
        "type": "library",
        "bom-ref": "library",
        "name": "trainshed-trainer",
        "version": found.library[:12],
        "properties": [_property("tree", found.library)],
    }


def _source(found: Contents) -> Iterator[Component]:
    if not found.source:
        return
    component: Component = {
        "type": "application",
        "bom-ref": "source",
        "name": "source",
        "version": found.marks.get(provenance.REVISION) or found.source[:12],
        "properties": [_property("tree", found.source)],
    }
    if url := found.marks.get(provenance.SOURCE):
        component["externalReferences"] = [{"type": "vcs", "url": url}]
    yield component


def _image(name: str, digest: str) -> Component:
    last = parse.quote(name.rpartition("/")[2].lower(), safe="")
    where = parse.quote(name.lower(), safe="/")
    return {
        "type": "container",
        "name": name,
        "version": digest,
        "purl": f"pkg:oci/{last}@{parse.quote(digest, safe='')}?repository_url={where}",
    }


def _packages(platforms: Mapping[str, Packages]) -> list[Component]:
    """Return a component for each package: one that is in several platforms names them all."""
    seen: dict[tuple[str, str], list[str]] = {}
    known: dict[tuple[str, str], Package] = {}
    for platform, of in sorted(platforms.items()):
        for origin, listed in (("base", of.base), ("requirements", of.added)):
            for each in listed:
                key = (purl(each), origin)
                seen.setdefault(key, []).append(platform)
                known[key] = _merged(known.get(key), each)
    return [_package(known[key], key, seen[key]) for key in sorted(known)]


def _merged(before: Package | None, found: Package) -> Package:
    if before is None:
        return Package(found.name, found.version, tuple(sorted(set(found.hashes))))
    hashes = tuple(sorted({*before.hashes, *found.hashes}))
    # One name may be written in several ways.
    return Package(min(before.name, found.name), found.version, hashes)


def _package(package: Package, key: tuple[str, str], platforms: Sequence[str]) -> Component:
    url, origin = key
    component: Component = {
        "type": "library",
        "bom-ref": url if origin == "base" else f"{url}#requirements",
        "name": package.name,
        "version": package.version,
        "purl": url,
        "properties": [
            _property("from", origin),
            *(_property("platform", each) for each in platforms),
        ],
    }
    if package.hashes:
        name = _SEPARATORS.sub("-", package.name).lower()
        component["externalReferences"] = [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{name}/{package.version}/",
                "comment": "one of these files was installed",
                "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
            }
        ]
    return component


def _property(name: str, value: str) -> Mapping[str, str]:
    return {"name": f"trainshed:{name}", "value": value}
