"""Images of this machine's stores, brought to a registry.

Knows buildah's store, docker's, and OCI archives; looks in that order.
"""

from __future__ import annotations

import json
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
    if shutil.which("buildah") is None:
        return f"{pulled_as}/{path}@{_push_by_docker(image, target=target, run=run)}"
    with tempfile.TemporaryDirectory() as folder:
        buildah, source = _in_buildah(image, folder=pathlib.Path(folder), run=run)
        written = pathlib.Path(folder) / "digest"
        argv = [*buildah, "push", "-q", "--digestfile", str(written)]
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


def _in_buildah(image: str, *, folder: pathlib.Path, run: commands.Runner) -> tuple[list[str], str]:
    """Return buildah's command line and the name that it knows the image by.

    What is brought from elsewhere goes to a store below folder: in the person's own store it
    could be the same image under a name, and removing it would remove that too.
    """
    if not pathlib.Path(image).is_file() and _runs(
        ["buildah", "inspect", "--type", "image", image], run=run
    ):
        return ["buildah"], image
    archive = _archive(image, folder=folder, run=run)
    buildah = ["buildah", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
    return buildah, run([*buildah, "pull", "-q", archive]).strip()


def _archive(image: str, *, folder: pathlib.Path, run: commands.Runner) -> str:
    """Return where buildah can pull the image from: a file, or docker's store saved to one."""
    if pathlib.Path(image).is_file():
        return f"oci-archive:{image}"
    if shutil.which("docker") and _runs(["docker", "image", "inspect", image], run=run):
        saved = folder / "image.tar"
        run(["docker", "save", "--output", str(saved), image])
        return f"docker-archive:{saved}"
    raise errors.Unavailable(
        f"{image} is neither in buildah's store nor in docker's, nor is it a file: "
        "build it first, or give the path of an OCI archive"
    )


def _push_by_docker(image: str, *, target: str, run: commands.Runner) -> str:
    """Push by docker, which takes a registry without TLS only on a loopback address."""
    run(["docker", "tag", image, target])
    try:
        run(["docker", "push", "--quiet", target])
        told = run(["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", target])
        return _digest(json.loads(told), repository=target.rpartition(":")[0])
    finally:
        run(["docker", "image", "rm", "--no-prune", target])


def _digest(digests: list[str], *, repository: str) -> str:
    """Return the image's digest in the repository: it may have another one in another registry."""
    for each in digests:
        name, _, digest = each.partition("@")
        if name == repository:
            return digest
    raise errors.CommandFailed(
        f"docker pushed to {repository} but knows no digest of it: push again, or by buildah"
    )


def _runs(argv: list[str], *, run: commands.Runner) -> bool:
    try:
        run(argv)
    except errors.ClusterError:
        return False
    return True
