"""Chooses packages and builds those that have no wheel: a program, run where no Secret is.

It is copied into a container of another image, whose `python3` runs it: by the standard library and
uv alone. Code of packages runs beside it, so that nobody believes what it leaves.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SHOWN = 64 * 1024
_CALL_SECONDS = 60.0
_NO_WHEEL = re.compile(
    r"no (usable|compatible) wheels|no wheels with |no available distributions"
    r"|only unsupported wheel variants"
)
"""uv's words where an index has answered, and has no wheel that fits."""
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
            *("pip", "compile", str(self.wish / "wanted.in"), "--quiet"),
            *("--generate-hashes", "--no-header", "--no-annotate"),
            *("--constraints", str(self.wish / "constraints.txt")),
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
            said = " ".join(error.said.split())
            if "No solution found" not in said or _NO_WHEEL.search(said) is None:
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
        with (
            urllib.request.urlopen(url, context=trust, timeout=_CALL_SECONDS) as answer,
            path.open("wb") as file,
        ):
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
        done = subprocess.run(
            [str(self.wish / "uv"), *arguments, "--config-file", str(self.wish / "uv.toml")],
            capture_output=True,
            check=False,
            cwd=self.scratch,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            raise Failed(
                stage, f"{done.stdout}\n{done.stderr}" if "build" in stage else done.stderr
            )
        return done.stdout

    def _environment(self) -> dict[str, str]:
        # The image's own folders of packages are not what others are built by.
        given = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTHON") or name == "PYTHONUTF8"
        }
        known = {
            **given,
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
        pin = re.match(r"[^\s;\\]+==[^\s;\\]+", each)
        if pin is not None:
            yield Package(pin[0], each)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _digest(path: pathlib.Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def main(wish: str, out: str, scratch: str) -> int:
    """Do it, and leave what failed in the words of who tried."""
    maker = Maker(pathlib.Path(wish), pathlib.Path(out), pathlib.Path(scratch))
    try:
        maker.run()
    except Failed as error:
        (maker.out / "stage").write_text(error.stage, encoding="utf-8")
        (maker.out / "said").write_text(error.said[-_SHOWN:], encoding="utf-8")
        _say(f"{error.stage}:\n{error.said}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
