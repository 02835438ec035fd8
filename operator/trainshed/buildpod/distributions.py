"""Which files of a folder of installed packages go into which layer. Nothing of them is run."""

from __future__ import annotations

import base64
import collections
import csv
import hashlib
import io
import os
import pathlib
import re
from collections.abc import Mapping

from packaging import utils

from trainshed.api import reasons
from trainshed.buildpod import failing
from trainshed.builds import sources

BuildReason = reasons.BuildReason
BIG = 8 * 1024 * 1024
MOST_LAYERS = 40
_SHEBANG = b"#!/usr/bin/env python3\n"
_PYTHON = re.compile(rb"#!.*\bpython[0-9.]*[ \t]*\r?\n")
_INDIRECT = re.compile(rb"#!/bin/sh\n'''exec' .*\n' '''\n")
"""How a script is begun whose interpreter has a long path, or one with spaces."""


def tidy(folder: pathlib.Path) -> None:
    """Make what uv installed the same on every machine: no path of this one is left in it."""
    changed = {each.name for each in _scripts(folder) if _reshebanged(each)}
    for record in folder.glob("*.dist-info/RECORD"):
        _mend(record, folder, changed)
    (folder / ".lock").unlink(missing_ok=True)


def big(folder: pathlib.Path, *, room: int) -> list[str]:
    """Return the normalised names of the big distributions, at most `room`, sorted.

    As large as their RECORD says: what lies on the disk may be another distribution's file.
    """
    totals = {_owner(record): _recorded(record) for record in folder.glob("*.dist-info/RECORD")}
    found = sorted(
        (owner for owner, total in totals.items() if total >= BIG),
        key=lambda owner: (-totals[owner], owner),
    )
    return sorted(found[: max(0, min(room, MOST_LAYERS))])


def check(folder: pathlib.Path, *, limit: int, beside: Mapping[str, int] | None = None) -> None:
    """Raise BuildFailed where the packages are too large, or a name can't be in a layer.

    `beside`: the bytes of packages that are not in the folder, but will be in the image.
    """
    found = sizes(folder)
    try:
        sources.check(dict.fromkeys(found, b""))
    except (sources.SourceRefused, UnicodeError) as error:
        raise failing.BuildFailed(
            BuildReason.PACKAGE_INVALID, f"a package has a file that no image may have: {error}"
        ) from error
    total = sum((*found.values(), *(beside or {}).values()))
    if total <= limit:
        return
    owners, totals = _owners(folder, found), dict(beside or {})
    for name, size in found.items():
        owner = owners.get(name, "other files")
        totals[owner] = totals.get(owner, 0) + size
    largest = sorted(totals, key=lambda owner: totals[owner], reverse=True)[:5]
    named = ", ".join(f"{each} ({totals[each]} bytes)" for each in largest)
    raise failing.BuildFailed(
        BuildReason.REQUIREMENTS_TOO_LARGE,
        f"the packages have {total} bytes, {limit} are allowed; the largest: {named}: put them"
        " into an image.base, or have builder.packages.maxBytes of the chart raised",
    )


def contested(folder: pathlib.Path) -> dict[str, list[str]]:
    """Return the files that several distributions have otherwise, by the last one of them."""
    claims: dict[str, dict[str, str]] = {}
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        owner = _owner(record)
        for row in _rows(record):
            digest = row[1] if len(row) > 1 else ""
            claims.setdefault(os.path.normpath(row[0]), {})[owner] = digest
    found: dict[str, list[str]] = {}
    for name, owners in sorted(claims.items()):
        if len(owners) > 1 and len(set(owners.values())) > 1:
            found.setdefault(max(owners), []).append(name)
    return found


def part(folder: pathlib.Path, into: Mapping[str, pathlib.Path]) -> bool:
    """Move what some distributions have, by their names, into folders; return whether it was done.

    It is not where an installation of each alone could give another folder: where one of them
    shares a file, or a file is there that no RECORD names. Then nothing is moved.
    """
    if not into:
        return True
    there = sizes(folder).keys() - {".lock"}
    files: dict[str, set[str]] = {}
    for record in folder.glob("*.dist-info/RECORD"):
        named = {os.path.normpath(row[0]) for row in _rows(record)}
        files.setdefault(_owner(record), set()).update(named & there)
    holders = collections.Counter(name for named in files.values() for name in named)
    shared = any(holders[name] > 1 for owner in into for name in files[owner])
    if shared or there - holders.keys():
        return False
    for owner, to in into.items():
        for name in files[owner]:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).rename(to / name)
    return True


def sizes(folder: pathlib.Path) -> dict[str, int]:
    """Return the bytes of each file that goes into the image."""
    found: dict[str, int] = {}
    _measure(str(folder), "", found)
    return found


def _measure(folder: str, prefix: str, found: dict[str, int]) -> None:
    with os.scandir(folder) as entries:
        for each in entries:
            name = f"{prefix}{each.name}"
            if each.is_dir(follow_symlinks=False):
                if each.name != "__pycache__":
                    _measure(each.path, f"{name}/", found)
                continue
            if not each.is_file(follow_symlinks=False):
                raise failing.BuildFailed(
                    BuildReason.PACKAGE_INVALID,
                    f"a package has {each.name[:100]!a}, which is no plain file: ask for another"
                    " version of it",
                )
            if not name.endswith(".pyc"):
                found[name] = each.stat(follow_symlinks=False).st_size


def _owners(folder: pathlib.Path, sizes: Mapping[str, int]) -> dict[str, str]:
    """Return the distribution that each file is of: of two, the first by name."""
    owners: dict[str, str] = {}
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        owner = _owner(record)
        for row in _rows(record):
            name = os.path.normpath(row[0])
            if name in sizes:
                owners.setdefault(name, owner)
    return owners


def _owner(record: pathlib.Path) -> str:
    return str(utils.canonicalize_name(record.parent.name.partition("-")[0]))


def _recorded(record: pathlib.Path) -> int:
    return sum(int(row[2]) for row in _rows(record) if len(row) > 2 and row[2].isdecimal())


def _rows(record: pathlib.Path) -> list[list[str]]:
    text = record.read_text(encoding="utf-8", errors="surrogateescape")
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _scripts(folder: pathlib.Path) -> list[pathlib.Path]:
    programs = folder / "bin"
    return [each for each in programs.iterdir() if each.is_file()] if programs.is_dir() else []


def _reshebanged(script: pathlib.Path) -> bool:
    """Have a script started by the base's Python; return whether it was one of this machine's."""
    data = script.read_bytes()
    found = _INDIRECT.match(data) or _PYTHON.match(data)
    if found is None:
        return False
    mode = script.stat().st_mode
    # Its file may be the cache's too: a new one takes its place.
    fresh = script.with_name(f".{script.name}")
    fresh.write_bytes(_SHEBANG + data[found.end() :])
    fresh.chmod(mode)
    fresh.replace(script)
    return True


def _mend(record: pathlib.Path, folder: pathlib.Path, changed: set[str]) -> None:
    """Write a RECORD anew where a script of it was changed; its rows are sorted."""
    rows = _rows(record)
    out = io.StringIO()
    for row in sorted(rows):
        path = os.path.normpath(row[0])
        if path.startswith("bin/") and path.removeprefix("bin/") in changed:
            row = _row(row[0], (folder / path).read_bytes())
        csv.writer(out, lineterminator="\n").writerow(row)
    fresh = record.with_name(".RECORD")
    fresh.write_text(out.getvalue(), encoding="utf-8", errors="surrogateescape")
    fresh.replace(record)


def _row(name: str, data: bytes) -> list[str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return [name, f"sha256={digest}", str(len(data))]
