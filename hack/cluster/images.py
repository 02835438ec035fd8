"""Images of this machine's stores, brought to a registry.

Knows buildah's store, docker's, and OCI archives; looks in that order.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import tempfile

from hack.cluster import commands, errors


def push(image: str, *, to: str, pulled_as: str, run: commands.Runner = commands.run) -> str:
    """Push the image to the registry at the URL to, and return by what name pods pull it."""
    scheme, _, registry = to.rpartition("//")
    target = reference(image, registry=registry)
    path = target.removeprefix(f"{registry}/").rpartition(":")[0]
    with tempfile.TemporaryDirectory() as folder:
        store = pathlib.Path(folder)
        if shutil.which("buildah") is None:
            return f"{pulled_as}/{path}@{_push_by_docker(image, target=target, run=run)}"
        source = _in_buildah(image, folder=store, run=run)
        written = store / "digest"
        argv = ["buildah", "push", "-q", "--digestfile", str(written)]
        if not scheme.startswith("https"):
            argv.append("--tls-verify=false")
        run([*argv, source, f"docker://{target}"])
        return f"{pulled_as}/{path}@{written.read_text('ascii').strip()}"


def reference(image: str, *, registry: str) -> str:
    """Return what the image is called in the registry: its own path and tag, our host."""
    if pathlib.PurePath(image).suffix in (".tar", ".oci"):
        image = f"loaded/{re.sub(r'[^a-z0-9]+', '-', pathlib.PurePath(image).stem.lower())}"
    image = image.partition("@")[0]
    first, slash, rest = image.partition("/")
    hosted = slash and ("." in first or ":" in first or first == "localhost")
    path = rest if hosted else image
    tagged = ":" in path.rpartition("/")[2]
    return f"{registry}/{path}" if tagged else f"{registry}/{path}:latest"


def _in_buildah(image: str, *, folder: pathlib.Path, run: commands.Runner) -> str:
    """Return a name of the image in buildah's store, bringing it there if need be."""
    if pathlib.Path(image).is_file():
        return run(["buildah", "pull", "-q", f"oci-archive:{image}"]).strip()
    if _runs(["buildah", "inspect", "--type", "image", image], run=run):
        return image
    if shutil.which("docker") and _runs(["docker", "image", "inspect", image], run=run):
        saved = folder / "image.tar"
        run(["docker", "save", "--output", str(saved), image])
        return run(["buildah", "pull", "-q", f"docker-archive:{saved}"]).strip()
    raise errors.Unavailable(
        f"{image} is neither in buildah's store nor in docker's, nor is it a file: "
        "build it first, or give the path of an OCI archive"
    )


def _push_by_docker(image: str, *, target: str, run: commands.Runner) -> str:
    """Push by docker, which takes a registry without TLS only on a loopback address."""
    run(["docker", "tag", image, target])
    try:
        run(["docker", "push", "--quiet", target])
        told = run(["docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", target])
        return told.strip().rpartition("@")[2]
    finally:
        run(["docker", "image", "rm", "--no-prune", target])


def _runs(argv: list[str], *, run: commands.Runner) -> bool:
    try:
        run(argv)
    except errors.ClusterError:
        return False
    return True
