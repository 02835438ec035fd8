"""Calls uv: for which Python and platform, from which index, with nothing of the pod's own."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainshed.api import reasons
from trainshed.buildpod import failing, objections
from trainshed.registry import authorities as certificates

BuildReason = reasons.BuildReason
PROGRAM = "uv"
PUBLIC = "https://pypi.org/simple"
_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
_CALL_SECONDS = 1800.0
"""The build's own deadline ends it earlier; this ends what outlives even that."""
log = logging.getLogger("trainshed.buildpod")


@dataclass(frozen=True, slots=True)
class Index:
    """Where packages come from."""

    url: str = PUBLIC
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    authorities: Sequence[str] = field(default=(), repr=False)
    """Certificates, beside the system's."""

    def check(self) -> None:
        """Raise BuildFailed where credentials would be sent without TLS."""
        if (self.username or self.password) and not self.url.startswith("https://"):
            raise failing.BuildFailed(
                BuildReason.INDEX_UNAUTHORIZED,
                f"the credentials for the index {self.url[:200]} would be sent without TLS: use"
                " https:// in source.requirements.index",
            )


def read_index(url: str, secret: pathlib.Path, authority: str = "") -> Index:
    """Return an index with what a mounted Secret has for it; `authority`: the operator's own."""
    found = {
        name: (secret / name).read_text(encoding="utf-8")
        for name in ("username", "password")
        if (secret / name).is_file()
    }
    own = secret / "ca.crt"
    given = (authority, certificates.read(own) if own.is_file() else "")
    index = Index(
        url=url or PUBLIC,
        username=found.get("username", ""),
        password=found.get("password", ""),
        authorities=tuple(each for each in given if each.strip()),
    )
    index.check()
    return index


class Uv:
    """uv with one index. The base's own packages are asked first, and alone where they are."""

    def __init__(
        self,
        index: Index,
        *,
        work: pathlib.Path,
        retries: int = 3,
        built: pathlib.Path | None = None,
    ) -> None:
        """`work`: a folder of the pod for what uv needs on the way.

        `built`: wheels that are taken in place of what the index has.
        """
        self._index = index
        self._retries = retries
        self._work = work / "uv"
        self.base = self._work / "base"
        """Where what the base has is shown to uv."""
        for folder in (self.base, self._work / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        self._settings = self._work / "uv.toml"
        flat = {"base": self.base, **({"built": built} if built is not None else {})}
        self._settings.write_text(settings(index, flat), encoding="utf-8")
        self._alone = self._work / "index.toml"
        self._alone.write_text(settings(index), encoding="utf-8")
        self._bundle = self._trusted() if index.authorities else None

    def compile(self, wanted: pathlib.Path, *options: str) -> str:
        """Return the lock of a file of requirements; raises BuildFailed."""
        return self._run(
            "compile", str(wanted), "--generate-hashes", "--no-header", "--no-annotate", *options
        )

    def install(self, lock: pathlib.Path, folder: pathlib.Path, *options: str) -> None:
        """Install a lock into a folder; raises BuildFailed."""
        self._run(
            "install",
            *("--target", str(folder), "--requirement", str(lock), "--require-hashes"),
            # Wheels are unpacked once: what is in the cache and in the folder is one file.
            *("--no-deps", "--no-compile", "--link-mode", "hardlink", *options),
        )

    def add(self, wheels: pathlib.Path, wanted: str, folder: pathlib.Path, *options: str) -> None:
        """Install one of a folder's wheels, and nothing else; raises BuildFailed."""
        self._run(
            "install",
            *("--target", str(folder), "--no-index", "--find-links", str(wheels)),
            *("--no-deps", "--no-compile", "--link-mode", "copy", *options, wanted),
        )

    def look(self, wheels: pathlib.Path, wanted: str, *options: str) -> None:
        """Raise BuildFailed where none of a folder's wheels is what is wanted, and fits."""
        nowhere = str(self._work / "nowhere")
        self._run(
            "install",
            *("--dry-run", "--target", nowhere, "--no-index", "--find-links", str(wheels)),
            *("--no-deps", *options, wanted),
        )

    def offers(self, wanted: str, *options: str) -> bool:
        """Return whether the index itself has a wheel that is wanted, and fits.

        Raises BuildFailed where it has no such version, or can't be asked.
        """
        nowhere = str(self._work / "nowhere")
        asked = ("--dry-run", "--target", nowhere, "--no-deps", *options, wanted)
        code, _, said = self._call(self._alone, "install", *asked)
        if code != 0 and not objections.lacks_wheel(said):
            raise objections.of(said, self._index.url)
        return code == 0

    def forget(self) -> None:
        """Give back the disk that the cache has: linked files are the folder's too."""
        shutil.rmtree(self._work / "cache", ignore_errors=True)

    def _run(self, command: str, *arguments: str) -> str:
        code, found, said = self._call(self._settings, command, *arguments)
        if code != 0:
            raise objections.of(said, self._index.url)
        return found

    def _call(self, file: pathlib.Path, command: str, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, output and last words of uv with settings from a file."""
        done = subprocess.run(
            [PROGRAM, "pip", command, "--quiet", "--config-file", str(file), *arguments],
            capture_output=True,
            check=False,
            cwd=self._work,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_CALL_SECONDS,
        )
        said = self._hidden(done.stderr)
        if done.returncode != 0:
            log.info("uv %s:\n%s", command, said[-8000:])
        return done.returncode, done.stdout, said

    def _hidden(self, said: str) -> str:
        for each in (self._index.password, self._index.username):
            said = said.replace(each, "***") if len(each) > 3 else said
        return said

    def _trusted(self) -> pathlib.Path:
        bundle = self._work / "authorities.pem"
        bundle.write_text(authorities(self._index), encoding="utf-8")
        return bundle

    def _environment(self) -> Mapping[str, str]:
        found = {
            "HOME": str(self._work),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self._work / "tmp"),
            "NO_COLOR": "1",
            "UV_CACHE_DIR": str(self._work / "cache"),
            "UV_HTTP_RETRIES": str(self._retries),
            "UV_HTTP_TIMEOUT": "30",
            "UV_KEYRING_PROVIDER": "disabled",
            # Files of its own in the packages, with the time in them.
            "UV_NO_INSTALLER_METADATA": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        trusted = str(self._bundle or os.environ.get("SSL_CERT_FILE", ""))
        if trusted:
            found["SSL_CERT_FILE"] = trusted
        if self._index.password or self._index.username:
            # By name of the index, so that no other host is sent them; and on no command line.
            found["UV_INDEX_JOB_USERNAME"] = self._index.username
            found["UV_INDEX_JOB_PASSWORD"] = self._index.password
        return found


def authorities(index: Index) -> str:
    """Return the certificates of the system's authorities and of the index's own."""
    system = pathlib.Path(os.environ.get("SSL_CERT_FILE") or _SYSTEM)
    texts = [system.read_text(encoding="utf-8")] if system.is_file() else []
    return "\n".join((*texts, *index.authorities))


def settings(index: Index, flat: Mapping[str, pathlib.Path] | None = None) -> str:
    """Return uv's settings: a package of a `flat` folder is looked for nowhere else."""
    folders = (
        f'[[index]]\nname = "{name}"\nurl = {json.dumps(str(folder))}\nformat = "flat"'
        for name, folder in (flat or {}).items()
    )
    return "\n".join(
        (
            *folders,
            "[[index]]",
            'name = "job"',
            f"url = {json.dumps(index.url)}",
            "default = true",
            'authenticate = "always"' if index.username or index.password else "",
            "",
        )
    )
