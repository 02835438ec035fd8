"""Reads which packages a job wants: its list, and a file of its source. Pure.

Only names and versions pass: what would have the resolver read other files, other places than the
index, or run code, is refused by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging import requirements as pep508

from trainshed.api import reasons
from trainshed.buildpod import failing, locks
from trainshed.builds import requirements

BuildReason = reasons.BuildReason
_MOST = 5000
_DEEPEST = 8
_HASH = re.compile(r"\s--hash[= ]\s*(sha(?:256|384|512):[0-9a-fA-F]{64,128})(?=\s|$)")
_OPTION = re.compile(r"(?:^|\s)(-[A-Za-z]|--[a-z][a-z-]*)")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)[= ]\s*(\S+)")
_ADVICE = {
    ("-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links"): (
        "name the index in source.requirements.index"
    ),
    ("--trusted-host",): "put the index's certificate into source.requirements.indexSecret",
    ("-e", "--editable"): "the source is on PYTHONPATH as it is: remove the line",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, line by line."""

    lines: Sequence[str]
    constraints: Sequence[str] = ()
    locked: bool = False
    """Whether each line has one version and its hashes: then nothing else is chosen."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    hashes: Sequence[str]
    where: str
    constraint: bool = False


def read(wanted: requirements.Requirements, files: Mapping[str, bytes]) -> Wish:
    """Return what a job wants; raises BuildFailed."""
    found = list(_of_file(wanted.file, files)) if wanted.file else []
    hashed = [each for each in found if each.hashes and not each.constraint]
    wished = [each for each in found if not each.constraint]
    locked = bool(hashed) and not wanted.packages
    if hashed and wanted.packages:
        raise _invalid(
            f"{wanted.file[:100]} has hashes, so it is the whole lock, and"
            " source.requirements.packages asks for more: add them to the file, or remove its"
            " hashes"
        )
    if locked and (bare := next((each for each in wished if not each.hashes), None)):
        raise _invalid(f"{bare.where} has no hash, and other lines have: lock the file as a whole")
    listed = [_Line(each, (), "source.requirements.packages") for each in wanted.packages]
    lines = [_checked(each) for each in (*wished, *listed)]
    if len(lines) > _MOST:
        raise _invalid(f"there are {len(lines)} requirements, {_MOST} may be given: leave some out")
    return Wish(lines, [_checked(each) for each in found if each.constraint], locked)


def lock(text: str) -> Wish:
    """Return a lock that was chosen elsewhere, as if a user had given it; raises BuildFailed."""
    name = "the lock"
    found = list(_lines(name, {name: text.encode()}, above=(), constraint=False))
    for each in found:
        if not each.hashes or each.constraint:
            raise _invalid(f"{each.where}: {each.text[:200]!a} has no hash: create the job anew")
    if len(found) > _MOST:
        raise _invalid(f"{len(found)} packages were chosen, {_MOST} may be: ask for fewer")
    return Wish([_checked(each) for each in found], locked=True)


def _of_file(name: str, files: Mapping[str, bytes]) -> Iterator[_Line]:
    text = _text(name, files)
    if name.endswith(".toml"):
        of = locks.pylock if posixpath.basename(name).startswith("pylock.") else locks.pyproject
        try:
            yield from (_Line(each.text, each.hashes, name) for each in of(text))
        except ValueError as error:
            raise _invalid(f"{name[:100]}: {str(error)[:300]}") from error
        return
    if posixpath.basename(name) == "uv.lock":
        raise _invalid(
            "uv.lock can't be read here: run uv export --format pylock.toml -o pylock.toml, and"
            " name pylock.toml in source.requirements.file"
        )
    yield from _lines(name, files, above=(), constraint=False)


def _lines(
    name: str, files: Mapping[str, bytes], *, above: tuple[str, ...], constraint: bool
) -> Iterator[_Line]:
    if name in above or len(above) > _DEEPEST:
        raise _invalid(f"{name[:100]} includes itself, or too many others: put it into one file")
    for number, line in _joined(_text(name, files)):
        where = f"line {number} of {name[:100]}"
        included = _INCLUDE.fullmatch(line)
        if included:
            other = posixpath.normpath(posixpath.join(posixpath.dirname(name), included[2]))
            if other.startswith(("/", "..")) or ":" in other:
                raise _invalid(
                    f"{where} includes {included[2][:100]!a}, which is not in the source"
                )
            yield from _lines(
                other,
                files,
                above=(*above, name),
                constraint=constraint or included[1] in ("-c", "--constraint"),
            )
            continue
        hashes = tuple(_HASH.findall(f" {line}"))
        yield _Line(_HASH.sub(" ", f" {line}").strip(), hashes, where, constraint)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines by their number: continued ones as one, without comments and empty ones."""
    begun, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        begun = begun or number
        if line.endswith("\\"):
            held += f"{line[:-1]} "
            continue
        if found := (held + line).strip():
            yield begun, found
        begun, held = 0, ""
    if held.strip():
        yield begun, held.strip()


def _checked(line: _Line) -> str:
    """Return a line as it is given to the resolver; raises BuildFailed for any other."""
    shown = f"{line.where}: {line.text[:200]!a}"
    option = _OPTION.search(line.text)
    if option is not None:
        known = (advice for names, advice in _ADVICE.items() if option[1] in names)
        raise _invalid(f"{shown}: {option[1]} is not taken here: {next(known, 'remove it')}")
    if re.match(r"[./~]|[a-z+]+://", line.text):
        raise _invalid(_elsewhere(shown))
    try:
        found = pep508.Requirement(line.text)
    except pep508.InvalidRequirement as error:
        why = str(error).splitlines()[0][:200]
        raise _invalid(f"{shown} is no requirement ({why}): write NAME==VERSION") from error
    if found.url is not None:
        raise _invalid(_elsewhere(shown))
    if line.hashes and not _exact(found):
        raise _invalid(f"{shown} has hashes, but no exact version: write NAME==VERSION")
    return " ".join((str(found), *(f"--hash={each.lower()}" for each in line.hashes)))


def _exact(found: pep508.Requirement) -> bool:
    given = list(found.specifier)
    return len(given) == 1 and given[0].operator in ("==", "===") and "*" not in given[0].version


def _elsewhere(shown: str) -> str:
    return (
        f"{shown} has a place of its own, and packages come from the index alone: have it in an"
        " index, and name it by its version"
    )


def _text(name: str, files: Mapping[str, bytes]) -> str:
    data = files.get(name)
    if data is None:
        known = [each for each in sorted(files) if each.endswith((".txt", ".toml"))][:10]
        has = (
            f"it has {', '.join(each[:100] for each in known)}" if known else "it has no such file"
        )
        raise failing.BuildFailed(
            BuildReason.REQUIREMENTS_NOT_FOUND,
            f"the source has no file {name[:200]!a}: {has}; add it, or mend"
            " source.requirements.file",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeError as error:
        raise _invalid(f"{name[:100]!a} is no text: save it as UTF-8") from error


def _invalid(message: str) -> failing.BuildFailed:
    return failing.BuildFailed(BuildReason.REQUIREMENTS_INVALID, message)
