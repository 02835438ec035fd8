"""Independent judges of what we push: crane checks every byte, skopeo copies it all."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tarfile
from typing import Any

import pytest

from hack.cluster import errors
from hack.referees import programs

SECONDS = 120


def crane(*arguments: str, login: pathlib.Path | None = None) -> str:
    """Return what crane prints; a complaint fails the test. `login`: a config.json."""
    given = {"DOCKER_CONFIG": str(login.parent)} if login else {}
    return _run([_found(programs.crane), "--insecure", *arguments], **given)


def skopeo(*arguments: str) -> str:
    """Return what skopeo prints; a complaint fails the test."""
    return _run([_found(programs.skopeo), *arguments])


def judge(
    ref: str,
    folder: pathlib.Path,
    *,
    compression: str = "zstd",
    blobs: pathlib.Path | None = None,
    login: pathlib.Path | None = None,
) -> None:
    """Have both read an image, or an index with all its images.

    crane unpacks gzip alone: of other layers it checks that they are there, and skopeo their bytes.
    `blobs`: a folder of those that skopeo has read before. `login`: the registry's config.json.
    """
    fast = () if compression == "gzip" else ("--fast",)
    crane("validate", *fast, "--remote", ref, login=login)
    known = ("--dest-shared-blob-dir", str(blobs)) if blobs else ()
    opened = ("--authfile", str(login)) if login else ()
    skopeo(
        *("copy", "--all", "--quiet", "--src-tls-verify=false", *known, *opened),
        *(f"docker://{ref}", f"oci:{folder}:judged"),
    )


def document(*arguments: str, login: pathlib.Path | None = None) -> dict[str, Any]:
    """Return the JSON that crane prints."""
    found: dict[str, Any] = json.loads(crane(*arguments, login=login))
    return found


def files(ref: str, tar: pathlib.Path) -> set[str]:
    """Return the names in an image's file system, as crane flattens it."""
    crane("export", ref, str(tar))
    with tarfile.open(tar) as opened:
        return set(opened.getnames())


def referrers(ref: str) -> list[dict[str, Any]]:
    """Return what oras finds about an image."""
    found = json.loads(_oras("discover", "--plain-http", "--format", "json", "--depth", "1", ref))
    listed: list[dict[str, Any]] = found.get("referrers") or found.get("manifests") or []
    return listed


def attached(ref: str, digest: str, folder: pathlib.Path) -> dict[str, Any]:
    """Return the JSON document of a referrer."""
    name = ref.partition("@")[0]
    (layer,) = document("manifest", f"{name}@{digest}")["layers"]
    file = folder / "attached.json"
    _oras("blob", "fetch", "--plain-http", "--output", str(file), f"{name}@{layer['digest']}")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def attach(ref: str, file: pathlib.Path, *, kind: str) -> None:
    """Have oras attach a file to an image, as anybody may."""
    _oras(
        *("attach", "--plain-http", "--disable-path-validation", "--artifact-type", kind),
        *(ref, str(file)),
    )


def _oras(*arguments: str) -> str:
    return _run([_found(programs.oras), *arguments])


def _found(program: Any) -> str:
    try:
        return str(program())
    except errors.ClusterError as error:
        pytest.skip(f"a referee is missing: {error}")


def _run(argv: list[str], **environment: str) -> str:
    given = {**os.environ, **environment}
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=SECONDS, env=given
    )
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout.strip()
