"""What a base image made on this machine carries of it: mirror, proxies, authorities, index.

Such an image works where a public one could not reach anything; nothing of this is committed.
"""

from __future__ import annotations

import configparser
import io
import json
import os
import pathlib
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hack.images import errors, programs, sources

DEFAULT_MIRROR = "http://deb.debian.org/debian"
_AUTHORITIES = pathlib.Path("/usr/local/share/ca-certificates")
_BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
# How packages are fetched, not what is done with them.
_APT = re.compile(
    r'^Acquire::(?:Check-(?:Valid-Until|Date)|Retries|https?::(?:\S+::)?Proxy|ForceIPv4)\b .*";$'
)
_PIP = ("index-url", "extra-index-url", "trusted-host")
# What stands before an @ in an address, as in https://user:token@host/ or "user:token@host:80".
_USER = re.compile(r"""(?:^|//|[\s"'=])[^\s"'/=]+@""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Machine:
    """Files' contents, and the mirrors of packages."""

    mirror: str = DEFAULT_MIRROR
    security: str | None = None
    apt: str = ""
    pip: str = ""
    uv: str = ""
    authorities: tuple[str, ...] = ()


def read(*, run: programs.Runner, environment: Mapping[str, str] = os.environ) -> Machine:
    """Return what this machine's own settings say."""
    mirror, security = sources.mirrors(_sources() if _is_debian() else [])
    home = pathlib.Path(environment.get("HOME") or "/root")
    files = [home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    named = [pathlib.Path(path) for path in [environment.get("PIP_CONFIG_FILE")] if path]
    found = index([pathlib.Path("/etc/pip.conf"), *files, *named], environment)
    machine = Machine(
        mirror=mirror or DEFAULT_MIRROR,
        security=security,
        apt=fetching(_or_nothing(run, ["apt-config", "dump"]).splitlines()),
        pip=pip_configuration(found),
        uv=uv_configuration(found),
        authorities=_authorities(environment),
    )
    refuse_secrets(machine)
    return machine


def refuse_secrets(machine: Machine) -> None:
    """Raise where an address has a user in it: whoever pulls the image could read that."""
    written = {
        "apt's sources": f"{machine.mirror}\n{machine.security or ''}",
        "apt's proxy": machine.apt,
        "the package index of pip": machine.pip,
    }
    if named := [name for name, text in written.items() if _USER.search(text)]:
        raise errors.Refused(
            f"{' and '.join(named)} of this machine has a user and a password in its address, and "
            "all that is built here would show them: name an address without, or stand on a "
            "public image, which carries nothing of this machine (BASE=debian:trixie)"
        )


def fetching(configuration: Iterable[str]) -> str:
    """Return the lines of apt's configuration that say how to fetch."""
    return "".join(f"{line}\n" for line in configuration if _APT.match(line))


def index(files: Iterable[pathlib.Path], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the package index: the environment's, else the last file's."""
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(files, encoding="utf-8")
    found = {}
    for name in _PIP:
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if value := environment.get(variable) or parsed.get("global", name, fallback=""):
            found[name] = value
    return found


def pip_configuration(found: Mapping[str, str]) -> str:
    """Return a pip.conf, or nothing where pip's defaults hold."""
    if not found:
        return ""
    written = configparser.ConfigParser(interpolation=None)
    written["global"] = dict(found)
    text = io.StringIO()
    written.write(text)
    return text.getvalue()


def uv_configuration(found: Mapping[str, str]) -> str:
    """Return a uv.toml that says the same, or nothing."""
    lines = []
    for name in ("index-url", "extra-index-url"):
        for url in found.get(name, "").split():
            default = json.dumps(name == "index-url")
            lines.append(f"[[index]]\nurl = {json.dumps(url)}\ndefault = {default}\n")
    hosts = found.get("trusted-host", "").split()
    allowed = [f"allow-insecure-host = {json.dumps(hosts)}\n"] if hosts else []
    return "".join([*allowed, *lines])


def certificates(bundle: str) -> list[str]:
    """Return a PEM bundle's certificates, one text each."""
    return [match.strip() + "\n" for match in _PEM.findall(bundle)]


def _authorities(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the certificates that this machine trusts beside its distribution's."""
    added = [path.read_text("ascii") for path in sorted(_AUTHORITIES.rglob("*.crt"))]
    named = pathlib.Path(environment.get("SSL_CERT_FILE") or _BUNDLE)
    if named.resolve() != _BUNDLE.resolve() and named.is_file():
        known = set(certificates(_BUNDLE.read_text("utf-8"))) if _BUNDLE.is_file() else set()
        trusted = certificates(named.read_text("utf-8"))
        added += [certificate for certificate in trusted if certificate not in known]
    return tuple(dict.fromkeys(one for text in added for one in certificates(text)))


def _sources() -> Iterator[sources.Source]:
    folder = pathlib.Path("/etc/apt")
    listed = sorted(folder.glob("sources.list.d/*"))
    for path in [folder / "sources.list", *listed]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            yield from sources.parse(path.name, path.read_text("utf-8"))


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def _or_nothing(run: programs.Runner, argv: list[str]) -> str:
    try:
        return run.output(argv)
    except errors.ImagesError:
        return ""  # not a Debian machine, and then nothing is carried
