"""The Dockerfile of an order, and how the programs that can build one are called. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONTEXT = "/work/context"
"""The code, as the engine is given it. Below `pods.WORK`."""
HOME = "/work/home"
"""What the engine finds in its home: how the registry is reached."""
REFUSAL = "/work/refusal.json"
"""The last words of a step that ended the build; the steps behind it do nothing."""
REVISION = "/work/revision"
IMAGE = "/image"
"""The engine's own volume: its storage, and what it made."""
BUILT = f"{IMAGE}/built"
"""The image that was made, as an OCI layout."""
LOG = f"{IMAGE}/log"
CODE = f"{IMAGE}/code"
"""The engine's exit code; absent where it was killed."""
ACCESS = "/etc/trainshed/access"
"""A docker configuration with which bases are read."""


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """`path` and `target` as in `docker build`; `args`: names and values, sorted."""

    path: str
    target: str = ""
    args: tuple[tuple[str, str], ...] = ()


class Kind(enum.StrEnum):
    """The programs that build Dockerfiles without root."""

    BUILDKIT = "buildkit"
    BUILDAH = "buildah"


@dataclass(frozen=True, slots=True)
class Engine:
    """The container that builds Dockerfiles."""

    kind: Kind
    image: str
    storage: str
    """The size of its volume: base images, every step's files and the result."""
    resources: Mapping[str, Any] = field(default_factory=dict)
    host_users: bool = True
    """Whether the pod's users are the node's; else it has a user namespace of its own."""


def command(kind: Kind) -> list[str]:
    """Return the program of an engine's container; what is built are its arguments.

    Nothing of a job's is in the script: a shell never reads what a user wrote.
    """
    return ["/bin/sh", "-c", _SCRIPT.format(build=_BUILDS[kind]), str(kind)]


def arguments(kind: Kind, asked: Dockerfile, *, compression: str) -> list[str]:
    """Return what the program is given: each of a user's words within one argument."""
    if kind is Kind.BUILDKIT:
        return _for_buildkit(asked, compression)
    return _for_buildah(asked)


def environment(kind: Kind, *, compression: str) -> dict[str, str]:
    """Return the engine's environment: all that it writes is on its own volume."""
    found = {
        "HOME": f"{IMAGE}/home",
        "XDG_RUNTIME_DIR": f"{IMAGE}/run",
        "TMPDIR": f"{IMAGE}/tmp",
        "DOCKER_CONFIG": ACCESS,
        "REGISTRY_AUTH_FILE": f"{ACCESS}/config.json",
        "COMPRESSION": compression,
    }
    if kind is Kind.BUILDKIT:
        # Its runtime can't mount a new /proc in a pod: steps see the container's processes.
        config = f"{found['HOME']}/.config/buildkit/buildkitd.toml"
        found["BUILDKITD_FLAGS"] = (
            f"--oci-worker-no-process-sandbox --root={IMAGE}/buildkit --config={config}"
        )
        # By a name other than root's it knows that it has no folder of the system's.
        found["USER"] = "user"
        found["BUILDCTL_CONNECT_RETRIES_MAX"] = "60"
    return found


_SCRIPT = """\
test ! -e /work/refusal.json || exit 0
umask 022
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR"
cp -R /work/home/. "$HOME"
{build}
{{ build "$@"; echo $? > /image/code; }} 2>&1 | tee /image/log
"""
"""It ends with 0 whatever the engine said: the container behind it reads that, and tells it."""
_BUILDS: Mapping[Kind, str] = {
    Kind.BUILDKIT: 'build() { buildctl-daemonless.sh build "$@"; }',
    Kind.BUILDAH: """\
build() {
  buildah info > /dev/null 2>&1 || export STORAGE_DRIVER=vfs
  buildah build "$@" || return
  buildah push --quiet --compression-format="$COMPRESSION" trainshed-built oci:/image/built
}""",
}


def _for_buildah(asked: Dockerfile) -> list[str]:
    found = ["--isolation=chroot", "--format=oci", "--layers=false", "--tag=trainshed-built"]
    found += [f"--file={CONTEXT}/{asked.path}"]
    found += [f"--target={asked.target}"] if asked.target else []
    found += [f"--build-arg={name}={value}" for name, value in asked.args]
    return [*found, CONTEXT]


def _for_buildkit(asked: Dockerfile, compression: str) -> list[str]:
    found: Sequence[str] = (
        "--progress=plain",
        "--frontend=dockerfile.v0",
        f"--local=context={CONTEXT}",
        f"--local=dockerfile={CONTEXT}",
        f"--opt=filename={asked.path}",
        f"--output=type=oci,tar=false,dest={BUILT},compression={compression}",
    )
    target = [f"--opt=target={asked.target}"] if asked.target else []
    return [*found, *target, *(f"--opt=build-arg:{name}={value}" for name, value in asked.args)]
