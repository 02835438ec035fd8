"""Images of this machine's stores, brought to a registry.

Knows buildah's store, docker's, and OCI archives; looks in that order.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import tempfile

from hack.cluster import commands, errors

_PLAIN = "--tls-verify=false"


def push(image: str, *, registry: str, run: commands.Runner = commands.run) -> str:
    """Push the image to the registry, and return the reference by which it is pulled."""
    target = reference(image, registry=registry)
    with tempfile.TemporaryDirectory() as folder:
        digest = pathlib.Path(folder) / "digest"
        to = ["--digestfile", str(digest), _PLAIN]
        archive = pathlib.Path(image)
        if archive.is_file():
            name = run(["buildah", "pull", "-q", f"oci-archive:{archive}"]).strip()
            run(["buildah", "push", "-q", *to, name, f"docker://{target}"])
        elif in_buildah(image, run=run):
            run(["buildah", "push", "-q", *to, image, f"docker://{target}"])
        elif in_docker(image, run=run):
            saved = str(pathlib.Path(folder) / "image.tar")
            run(["docker", "save", "-o", saved, image])
            name = run(["buildah", "pull", "-q", f"docker-archive:{saved}"]).strip()
            run(["buildah", "push", "-q", *to, name, f"docker://{target}"])
        else:
            raise errors.Unavailable(
                f"{image} is neither in buildah's store nor in docker's, nor is it an archive: "
                "build it first, or give the path of an OCI archive"
            )
        return f"{target.rpartition(':')[0]}@{digest.read_text('ascii').strip()}"


def reference(image: str, *, registry: str) -> str:
    """Return what the image is called in the registry: its own path and tag, our host."""
    if pathlib.PurePath(image).suffix in (".tar", ".oci"):
        image = f"loaded/{re.sub(r'[^a-z0-9-]+', '-', pathlib.PurePath(image).stem.lower())}"
    image = image.partition("@")[0]
    first, slash, rest = image.partition("/")
    hosted = slash and ("." in first or ":" in first or first == "localhost")
    path = rest if hosted else image
    tagged = ":" in path.rpartition("/")[2]
    return f"{registry}/{path}" if tagged else f"{registry}/{path}:latest"


def in_buildah(image: str, *, run: commands.Runner = commands.run) -> bool:
    return shutil.which("buildah") is not None and _runs(
        ["buildah", "inspect", "--type", "image", "--format", "{{.FromImageID}}", image], run=run
    )


def in_docker(image: str, *, run: commands.Runner = commands.run) -> bool:
    return shutil.which("docker") is not None and _runs(
        ["docker", "image", "inspect", "--format", "{{.Id}}", image], run=run
    )


def _runs(argv: list[str], *, run: commands.Runner) -> bool:
    try:
        run(argv)
    except errors.ClusterError:
        return False
    return True
