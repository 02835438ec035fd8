"""Which Python a base means by `python3`, where it imports from, and what it has there. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging import utils, version

from trainshed.api import reasons
from trainshed.buildpod import failing, listings
from trainshed.builds import inventories, manifests

BuildReason = reasons.BuildReason
_VERSIONED = re.compile(r"python(3[.][0-9]+)")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_GLIBCS = (17, 28, *range(31, 41))
"""The minor versions of glibc 2 that uv has a platform for."""


@dataclass(frozen=True, slots=True)
class _Python:
    version: str
    prefix: str
    """The folder in which its `lib` is."""


def take_stock(
    listing: listings.Listing, environment: Mapping[str, str], architecture: str
) -> inventories.Inventory:
    """Return what a base has; raises BuildFailed where it has no Python that we can use."""
    command = _command(listing, environment.get("PATH") or manifests.PATH)
    if command is None:
        raise _without("it has no python3 on its PATH")
    folders = _folders(listing, command, environment)
    found = _version(listing, command)
    existing = [each for each in folders.sites if each in listing.folders]
    site = (existing or folders.sites)[-1]
    return inventories.Inventory(
        python=found,
        platform=_platform(listing, architecture),
        site=f"/{site}",
        packages=_packages(listing, folders.all),
    )


def _command(listing: listings.Listing, path: str) -> str | None:
    for folder in path.split(":"):
        where = f"{folder.strip('/')}/python3"
        if folder.startswith("/") and listing.resolve(where) in listing.files:
            return where
    return None


@dataclass(frozen=True, slots=True)
class _Folders:
    sites: Sequence[str]
    others: Sequence[str]

    @property
    def all(self) -> Sequence[str]:
        """Return all folders that are imported from, the first wins."""
        return (*self.others, *self.sites)


def _folders(listing: listings.Listing, command: str, environment: Mapping[str, str]) -> _Folders:
    sites = _sites(listing, command)
    others = [
        listing.resolve(each)
        for each in environment.get("PYTHONPATH", "").split(":")
        if each.startswith("/")
    ]
    for site in sites:
        others += _added(listing, site)
    return _Folders(tuple(sites), tuple(dict.fromkeys(each for each in others if each)))


def _sites(listing: listings.Listing, command: str) -> list[str]:
    """Return where a Python has its packages, in the order in which it imports."""
    told = _venv(listing, command)
    if told is None:
        return _own_sites(listing, _found(listing, listing.resolve(command)))
    home = posixpath.dirname(posixpath.dirname(command))
    of = _version(listing, command)
    sites = [listing.resolve(f"{home}/lib/python{of}/site-packages")]
    if told.get("include-system-site-packages", "").lower() == "true":
        base = listing.resolve(f"{told.get('home', '')}/python3")
        sites += _own_sites(listing, _found(listing, base))
    return sites


def _own_sites(listing: listings.Listing, python: _Python) -> list[str]:
    """Return the folders of a Python that is no virtual environment."""
    name = f"python{python.version}"
    if python.prefix == "usr" and _debian(listing):
        found = [f"usr/local/lib/{name}/dist-packages", "usr/lib/python3/dist-packages"]
    else:
        libraries = [f"{python.prefix}/lib".lstrip("/"), f"{python.prefix}/lib64".lstrip("/")]
        if python.prefix == "usr":
            libraries = ["usr/local/lib", "usr/local/lib64", *libraries]
        usable = [each for each in libraries if f"{each}/{name}/site-packages" in listing.folders]
        found = [f"{each}/{name}/site-packages" for each in usable or libraries[-2:-1]]
    return list(dict.fromkeys(listing.resolve(each) for each in found))


def _found(listing: listings.Listing, program: str) -> _Python:
    """Return version and prefix of a program, by where its standard library is."""
    named = _VERSIONED.fullmatch(posixpath.basename(program))
    prefix = posixpath.dirname(posixpath.dirname(program))
    library = re.compile(rf"{re.escape(prefix)}/lib(?:64)?/python(3[.][0-9]+)/os[.]py".lstrip("/"))
    there = [match[1] for each in listing.files if (match := library.fullmatch(each))]
    if named is None and len(set(there)) != 1:
        raise _without(f"which version /{program} has can't be told from its files")
    return _Python(named[1] if named else there[0], prefix)


def _version(listing: listings.Listing, command: str) -> str:
    """Return X.Y; a virtual environment may hold a copy of its Python, and tells it itself."""
    told = _venv(listing, command) or {}
    match = re.match(r"3[.][0-9]+", told.get("version") or told.get("version_info") or "")
    return match[0] if match else _found(listing, listing.resolve(command)).version


def _venv(listing: listings.Listing, command: str) -> dict[str, str] | None:
    """Return the settings of the virtual environment that a command is in; None for no such."""
    home = posixpath.dirname(posixpath.dirname(command))
    text = listing.files.get(listing.resolve(f"{home}/pyvenv.cfg"))
    if text is None:
        return None
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _debian(listing: listings.Listing) -> bool:
    if "usr/lib/python3/dist-packages" in listing.folders:
        return True
    told = listing.files.get("etc/os-release") or listing.files.get("usr/lib/os-release") or ""
    return re.search(r"^ID(_LIKE)?=.*\b(debian|ubuntu)\b", told, re.MULTILINE) is not None


def _added(listing: listings.Listing, site: str) -> list[str]:
    """Return the folders that .pth files of a site folder add; what they would run is not."""
    found = []
    for name, text in sorted(listing.below(site)):
        if "/" in name or not name.endswith(".pth"):
            continue
        lines = [each.strip() for each in text.splitlines()]
        found += [
            listing.resolve(posixpath.join(site, each) if not each.startswith("/") else each)
            for each in lines
            if each and not each.startswith(("#", "import ", "import\t"))
        ]
    return found


def _packages(listing: listings.Listing, folders: Sequence[str]) -> dict[str, str]:
    wanted = {folder: index for index, folder in enumerate(folders)}
    found: dict[str, tuple[int, str]] = {}
    for path, read in listing.files.items():
        where = _of_distribution(path)
        index = wanted.get(where) if where is not None and read else None
        name, _, of = read.partition(" ")
        if index is None or not _sound(name, of):
            continue
        key = str(utils.canonicalize_name(name))
        if key not in found or (index, of) < found[key]:
            found[key] = (index, of)
    return {name: str(version.Version(of)) for name, (_, of) in sorted(found.items())}


def _of_distribution(path: str) -> str | None:
    """Return the folder that a distribution is in, by the path of its metadata."""
    folder, name = posixpath.split(path)
    if name.endswith(".egg-info"):
        return folder
    if name in ("METADATA", "PKG-INFO") and folder.endswith((".dist-info", ".egg-info")):
        return posixpath.dirname(folder)
    return None


def _sound(name: str, of: str) -> bool:
    """Return whether a version can be asked for: some distributions' own can't."""
    try:
        utils.canonicalize_name(name, validate=True)
        version.Version(of)
    except ValueError:
        return False
    return True


def _platform(listing: listings.Listing, architecture: str) -> str:
    machine = _MACHINES.get(architecture)
    if machine is None:
        raise _without(f"there are no wheels for its architecture, {architecture[:40]!a}")
    if (minor := _glibc(listing, machine)) is not None:
        usable = [each for each in _GLIBCS if each <= minor]
        if not usable:
            raise _without(f"its glibc, 2.{minor}, is too old for any wheel")
        return f"{machine}-manylinux_2_{usable[-1]}"
    if any(posixpath.basename(each).startswith("ld-musl-") for each in listing.files):
        return f"{machine}-unknown-linux-musl"
    raise _without("it has neither glibc nor musl where they are looked for")


def _glibc(listing: listings.Listing, machine: str) -> int | None:
    """Return the minor version of the base's glibc 2; copies of others lie elsewhere."""
    triplet = f"{machine}-linux-gnu"
    for folder in ("lib", "lib64", "usr/lib", "usr/lib64", f"lib/{triplet}", f"usr/lib/{triplet}"):
        read = listing.files.get(listing.resolve(f"{folder}/libc.so.6"))
        major, _, minor = (read or "").partition(".")
        if major == "2" and minor.isdecimal():
            return int(minor)
    return None


def _without(why: str) -> failing.BuildFailed:
    return failing.BuildFailed(
        BuildReason.BASE_WITHOUT_PYTHON,
        f"packages can't be put onto the base image: {why}: use another image.base, or leave out"
        " source.requirements",
    )
