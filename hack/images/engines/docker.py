"""docker, or what answers to its command line: builds by its daemon."""

from __future__ import annotations

import json
import pathlib
import sys

from hack.images import errors, programs
from hack.images.engines import base

_UNKNOWN = "no such image"


class Docker:
    """The images of docker's daemon."""

    name = "docker"

    def __init__(self, *, run: programs.Runner) -> None:
        self._run = run

    def answers(self) -> bool:
        """Tell whether there is a daemon."""
        try:
            self._output("version", "--format", "{{.Server.Version}}")
        except errors.ImagesError:
            return False
        return True

    def find(self, ref: str) -> base.Found | None:
        """Return the image, or nothing where the daemon has none of that name."""
        try:
            (told,) = json.loads(self._output("image", "inspect", ref))
        except errors.CommandFailed as error:
            if _UNKNOWN in str(error).lower():
                return None
            raise
        return base.Found(
            id=told["Id"].removeprefix("sha256:"),
            labels=told["Config"].get("Labels") or {},
            created=told["Created"],
        )

    def size(self, ref: str) -> str:
        """Return the size of an image that is there, in words."""
        return f"{int(self._output('image', 'inspect', '--format', '{{.Size}}', ref)) / 1e6:.0f} MB"

    def build(self, build: base.Build, *, log: pathlib.Path, on_line: programs.OnLine) -> None:
        """Build the image, reusing the layers of earlier builds unless it must be fresh."""
        argv = ["docker", "build"]
        argv += ["--no-cache"] if build.fresh else []
        argv += base.pairs("--build-arg", build.arguments)
        argv += base.pairs("--label", build.labels)
        argv += ["--tag", build.ref, "--file", str(build.dockerfile), str(build.context)]
        self._run.logged(argv, log=log, on_line=on_line)

    def push(
        self, ref: str, to: base.Destination, *, log: pathlib.Path, on_line: programs.OnLine
    ) -> str:
        """Push the image and return its manifest's digest."""
        self._output("tag", ref, to.ref)
        self._run.logged(["docker", "push", to.ref], log=log, on_line=on_line)
        told: list[str] = json.loads(
            self._output("image", "inspect", "--format", "{{json .RepoDigests}}", to.ref)
        )
        repository = to.ref.rpartition(":")[0]
        return next(one for one in told if one.startswith(f"{repository}@")).rpartition("@")[2]

    def run(self, ref: str, command: base.Command) -> int:
        """Run the command in a container that is gone afterwards."""
        argv = ["docker", "run", "--rm", "--network", "host", "--workdir", command.folder]
        argv += ["--interactive", "--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        argv += ["--user", command.user] if command.user else []
        argv += base.pairs("--env", command.environment)
        for mount in command.mounts:
            argv += ["--volume", f"{mount}:{mount}"]
        program, *rest = command.argv
        return self._run.foreground([*argv, "--entrypoint", program, ref, *rest])

    def remove(self, image_id: str) -> None:
        """Remove an image that nothing names any more."""
        self._output("image", "rm", image_id)

    def tidy(self) -> None:
        """Leave what broken runs left: docker's builds leave no containers."""

    def _output(self, *arguments: str) -> str:
        return self._run.output(["docker", *arguments])
