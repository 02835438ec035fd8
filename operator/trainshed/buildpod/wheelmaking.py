"""Chooses packages and builds those that have no wheel: a program, run where no Secret is.

It is copied into a container of another image, whose `python3` runs it: by the standard library and
uv alone. Code of packages runs beside it, so that nobody believes what it leaves.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

_SHOWN = 64 * 1024
_ANSWER_SECONDS = 60.0
_CALL_SECONDS = 7200.0
"""So long may one build take: the Job's own deadline ends most of them earlier."""
_NO_WHEEL = re.compile(r"No solution.* (no (\w+ )?(wheels|distributions)|unsupported wheel)\b")
_LOOK_SECONDS = 1.0
_PR_SET_CHILD_SUBREAPER = 36
_HASH = re.compile(r"--hash=(sha256|sha384|sha512):([0-9a-f]+)")


class Failed(Exception):
    """What can't be done: what it was, and the words of who tried."""

    def __init__(self, stage: str, said: str) -> None:
        """`stage`: resolve, fetch NAME==VERSION or build NAME==VERSION."""
        super().__init__(stage)
        self.stage = stage
        self.said = said


@dataclass(frozen=True)
class Package:
    """One package of a lock, with its lines there."""

    pin: str
    text: str


@dataclass(frozen=True)
class Maker:
    """Works in three folders: it reads `wish`, leaves `out`, and does the rest in `scratch`."""

    wish: pathlib.Path
    out: pathlib.Path
    scratch: pathlib.Path
    call_seconds: float = _CALL_SECONDS
    adopts: bool = False
    """Whether all children of this process are uv, or were left by what uv ran."""

    def run(self) -> None:
        """Leave a lock, and a wheel of each of its packages that has none; raises Failed."""
        text = self._lock()
        (self.out / "lock").write_text(text, encoding="utf-8")
        (self.out / "made").mkdir()
        for each in self._lacking(list(packages(text))):
            self._make(each)

    def _lock(self) -> str:
        given = self.wish / "lock"
        if given.exists():
            return given.read_text(encoding="utf-8")
        _say("resolving")
        return self._uv(
            "resolve",
            *("pip", "compile", str(self.wish / "wanted.in"), "--quiet", "--generate-hashes"),
            *("--no-header", "--no-annotate", "--constraints", str(self.wish / "constraints.txt")),
            # What the base has, each by the one file that stands for it. Not as an index: what
            # packages are built by must not be taken from there.
            *("--constraints", str(self.wish / "base.txt"), *self._target()),
        )

    def _lacking(self, listed: Sequence[Package]) -> Sequence[Package]:
        """Return those of which the index has no wheel that fits: asked for by halves."""
        if not listed or self._has_wheels("".join(each.text for each in listed)):
            return ()
        half = len(listed) // 2
        if not half:
            return listed
        return (*self._lacking(listed[:half]), *self._lacking(listed[half:]))

    def _has_wheels(self, lock: str) -> bool:
        """Return whether the index has a wheel that fits, and is allowed, of each of a lock."""
        file = self.scratch / "looked-for.txt"
        file.write_text(lock, encoding="utf-8")
        try:
            self._uv(
                "resolve",
                *("pip", "install", "--quiet", "--dry-run", "--no-deps", "--require-hashes"),
                *("--only-binary", ":all:", "--target", str(self.scratch / "nowhere")),
                *("--requirement", str(file), *self._target()),
            )
        except Failed as error:
            if _NO_WHEEL.search(" ".join(error.said.split())) is None:
                # An index that does not answer has wheels, for all that is known.
                raise
            return False
        return True

    def _make(self, package: Package) -> None:
        _say(f"building {package.pin}")
        tree = self._unpacked(package, self._fetched(package))
        made = self.scratch / "dist" / package.pin
        said = ("build", "--wheel", "--no-sources", "--out-dir", str(made), str(tree))
        self._uv(f"build {package.pin}", *said, "--python", sys.executable)
        for each in made.glob("*.whl"):
            shutil.move(each, self.out / "made" / each.name)
        shutil.rmtree(tree, ignore_errors=True)

    def _fetched(self, package: Package) -> pathlib.Path:
        """Return the source distribution, which is one of those that the lock allows."""
        file = self.scratch / "asked-for.txt"
        file.write_text(f"{package.pin}\n", encoding="utf-8")
        told = self._uv(
            "resolve",
            *("pip", "compile", str(file), "--quiet", "--no-deps", "--no-header"),
            *("--no-binary", ":all:", "--format", "pylock.toml", *self._target()),
        )
        (found,) = tomllib.loads(told)["packages"]
        url = str(found.get("sdist", {}).get("url", ""))
        stage = f"fetch {package.pin}"
        if not url.startswith(("https://", "http://")):
            raise Failed(stage, f"the index names no address of its source distribution: {url!r}")
        path = self.scratch / "sdists" / url.partition("#")[0].partition("?")[0].rpartition("/")[2]
        path.parent.mkdir(exist_ok=True)
        try:
            self._download(url, path)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Failed(stage, f"{url}: {error}") from error
        if not any(_digest(path, kind) == digest for kind, digest in _HASH.findall(package.text)):
            raise Failed(stage, f"{url}: hash mismatch: it is none that the lock allows")
        return path

    def _download(self, url: str, path: pathlib.Path) -> None:
        trust = ssl.create_default_context(cafile=self._authorities())
        answer = urllib.request.urlopen(url, context=trust, timeout=_ANSWER_SECONDS)
        with answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)

    def _unpacked(self, package: Package, path: pathlib.Path) -> pathlib.Path:
        """Return the folder of a source distribution: the same each time, as files name it."""
        folder = self.scratch / "trees" / package.pin
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)
            else:
                with tarfile.open(path) as tar:
                    tar.extractall(folder, filter="data")
        except (tarfile.TarError, zipfile.BadZipFile, OSError) as error:
            raise Failed(f"build {package.pin}", f"error: it can't be unpacked: {error}") from error
        inner = list(folder.iterdir())
        return inner[0] if len(inner) == 1 and inner[0].is_dir() else folder

    def _target(self) -> Sequence[str]:
        told = json.loads((self.wish / "target.json").read_text(encoding="utf-8"))
        return (*map(str, told), "--python", sys.executable)

    def _authorities(self) -> str | None:
        known = self.wish / "authorities.pem"
        return str(known) if known.exists() else None

    def _uv(self, stage: str, *arguments: str) -> str:
        # Files, not pipes: what a build leaves running may hold those open for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = self._ended(arguments, out, err)
            found, said = _text(out), _text(err)
        if code is None:
            said += f"\nerror: it took longer than {self.call_seconds:g} seconds, and was ended"
        if code != 0:
            raise Failed(stage, f"{found}\n{said}" if "build" in stage else said)
        return found

    def _ended(self, arguments: Sequence[str], out: IO[bytes], err: IO[bytes]) -> int | None:
        """Return the exit code of uv; None where it took too long. Its own end with it."""
        started = subprocess.Popen(
            [str(self.wish / "uv"), *arguments, "--config-file", str(self.wish / "uv.toml")],
            cwd=self.scratch,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        ends = time.monotonic() + self.call_seconds
        try:
            while time.monotonic() < ends:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return started.wait(min(_LOOK_SECONDS, self.call_seconds))
                # uv waits for all who hold its pipes, also when what it ran is done.
                if self.adopts and not _children(started.pid):
                    _end_orphans(but=started.pid)
            return None
        finally:
            started.kill()
            started.wait()
            if self.adopts:
                _end_orphans(but=started.pid)

    def _environment(self) -> dict[str, str]:
        # The image's own folders of packages are not what others are built by.
        given = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
        known = {
            **given,
            "PYTHONUTF8": "1",
            "UV_CACHE_DIR": str(self.scratch / "cache"),
            "UV_HTTP_TIMEOUT": "30",
            "UV_KEYRING_PROVIDER": "disabled",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        authorities = self._authorities()
        return {**known, "SSL_CERT_FILE": authorities} if authorities else known


def packages(lock: str) -> Iterator[Package]:
    """Yield the packages of a lock that come from an index, each with its lines."""
    blocks: list[str] = []
    for line in lock.splitlines():
        if line[:1].isspace() and blocks:
            blocks[-1] += f"{line}\n"
        elif line.strip():
            blocks.append(f"{line}\n")
    for each in blocks:
        if pin := re.match(r"[^\s;\\]+==[^\s;\\]+", each):
            yield Package(pin[0], each)


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def _children(parent: int) -> list[int]:
    """Return the children of a process that run."""
    found = []
    for each in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, above = each.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(above) == parent and state != "Z":
                found.append(int(each.parent.name))
    return found


def _end_orphans(*, but: int) -> None:
    """End the children of this process, and theirs, which become its own then."""
    while left := [each for each in _children(os.getpid()) if each != but]:
        for each in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(each, signal.SIGKILL)
                os.waitpid(each, 0)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _digest(path: pathlib.Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def main(wish: str, out: str, scratch: str) -> int:
    """Do it, and leave what failed in the words of who tried."""
    # What builds leave running becomes children of this process.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    maker = Maker(pathlib.Path(wish), pathlib.Path(out), pathlib.Path(scratch), adopts=True)
    try:
        maker.run()
    except Failed as error:
        for name, text in (("stage", error.stage), ("said", error.said[-_SHOWN:])):
            # A build may have put a pipe there, which nobody reads.
            (maker.out / name).unlink(missing_ok=True)
            (maker.out / name).write_text(text, encoding="utf-8")
        sys.stderr.write(f"{error.stage}:\n{error.said}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
