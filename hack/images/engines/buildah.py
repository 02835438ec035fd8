"""buildah with a store of its own: needs no daemon, and as root no namespaces either."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
import tempfile

from hack.images import errors, places, programs
from hack.images.engines import base

# The kubelet of the local cluster unpacks zstd in a third of gzip's time.
_COMPRESSION = ("--format", "oci", "--compression-format", "zstd", "--compression-level", "3")
# Without a container runtime and its cgroups: RUN needs no more than a changed root.
_ISOLATION = ("--isolation", "chroot")
_UNKNOWN = "not known"
# A container of `run`, followed by the id of the process that uses it.
_RUN = "trainshed-run-"


class Buildah:
    """Images below one folder of the cache."""

    name = "buildah"

    def __init__(self, lie: places.Places, *, driver: str, run: programs.Runner) -> None:
        self._run = run
        self._program = (
            "buildah",
            *("--root", str(lie.storage)),
            *("--runroot", str(lie.run)),
            *("--storage-driver", driver),
        )

    def find(self, ref: str) -> base.Found | None:
        """Return the image, or nothing where the store has none of that name."""
        try:
            told = json.loads(self._output("inspect", "--type", "image", ref))
        except errors.CommandFailed as error:
            if _UNKNOWN in str(error):
                return None
            raise
        config = json.loads(told["Config"])
        return base.Found(
            id=told["FromImageID"],
            labels=config["config"].get("Labels") or {},
            created=config["created"],
        )

    def size(self, ref: str) -> str:
        """Return the size of an image that is there, in words."""
        (listed,) = json.loads(self._output("images", "--json", ref))
        return str(listed["size"])

    def build(self, build: base.Build, *, log: pathlib.Path, on_line: programs.OnLine) -> None:
        """Build the image, reusing the layers of earlier builds unless it must be fresh."""
        argv = [*self._program, "bud", *_ISOLATION, "--layers"]
        argv += ["--no-cache"] if build.fresh else []
        argv += base.pairs("--build-arg", build.arguments)
        argv += base.pairs("--label", build.labels)
        argv += ["--tag", build.ref, "--file", str(build.dockerfile), str(build.context)]
        self._run.logged(argv, log=log, on_line=on_line)

    def push(
        self, ref: str, to: base.Destination, *, log: pathlib.Path, on_line: programs.OnLine
    ) -> str:
        """Push the image and return its manifest's digest."""
        with tempfile.TemporaryDirectory() as folder:
            written = pathlib.Path(folder) / "digest"
            argv = [*self._program, "push", "--digestfile", str(written), *_COMPRESSION]
            argv += ["--tls-verify=false"] if to.plain_http else []
            self._run.logged([*argv, ref, f"docker://{to.ref}"], log=log, on_line=on_line)
            return written.read_text("ascii").strip()

    def run(self, ref: str, command: base.Command) -> int:
        """Run the command in a container that is gone afterwards."""
        name = f"{_RUN}{os.getpid()}"
        container = self._output("from", "--name", name, ref).strip()
        argv = [*self._program, "run", *_ISOLATION, "--workingdir", command.folder]
        argv += ["--terminal"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        argv += ["--user", command.user] if command.user else []
        argv += base.pairs("--env", command.environment)
        for mount in command.mounts:
            argv += ["--volume", f"{mount}:{mount}"]
        try:
            return self._run.foreground([*argv, container, "--", *command.argv])
        finally:
            self._output("rm", container)

    def remove(self, image_id: str) -> None:
        """Remove an image that nothing names any more; what others stand on stays."""
        self._output("rmi", image_id)

    def tidy(self) -> None:
        """Remove the containers, and so the mounts, of builds and runs that were cut off.

        No other build may go on; runs may.
        """
        listed = json.loads(self._output("containers", "--all", "--json")) or []
        for name in (str(one["containername"]) for one in listed):
            pid = name.removeprefix(_RUN)
            if pid == name or not pathlib.Path("/proc", pid).exists():
                # dpkg outlives its build by the package that it unpacks: then the next time.
                with contextlib.suppress(errors.CommandFailed):
                    self._output("rm", name)

    def _output(self, *arguments: str) -> str:
        return self._run.output([*self._program, *arguments])


def driver(storage: pathlib.Path, *, run: programs.Runner) -> str:
    """Return the storage driver: overlay where the folder's file system allows it."""
    for kept in ("overlay", "vfs"):
        if (storage / f"{kept}-images").is_dir():
            return kept
    if os.geteuid() != 0:
        return "overlay"  # rootless buildah finds out by itself whether it needs fuse
    storage.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=storage) as probe:
        below, above, work, merged = (pathlib.Path(probe) / name for name in "bawm")
        for folder in (below, above, work, merged):
            folder.mkdir()
        options = f"lowerdir={below},upperdir={above},workdir={work}"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(merged)]
        try:
            run.output(["unshare", "--mount", *mount])
        except errors.ImagesError:
            return "vfs"
    return "overlay"
