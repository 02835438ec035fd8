"""The pod of a job whose packages may be built: one more container, and what it may see.

1. `fetch`, ours: gets the code, and reads what the base has; it has no Secret of an index.
2. `wheels`, the development image's, or ours: chooses packages and builds those that have no wheel
   by their own code; it sees no Secret at all, and nothing of the job but what packages it wants.
3. `builder`, ours: checks what was made, installs and pushes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.api import labels, security
from trainshed.builds import stages

WISH = "/wish"
"""What is wanted, and the programs by which it is got: written by the first step alone."""
PROGRAM = f"{WISH}/make.py"
"""Absent where the first step ended the build."""
UV = f"{WISH}/uv"
OUTCOME = "/wheels"
"""The container's own volume: what was chosen, what was made, and what was said."""
LOCK = f"{OUTCOME}/lock"
MADE = f"{OUTCOME}/made"
STAGE = f"{OUTCOME}/stage"
"""What was being done when it failed."""
SAID = f"{OUTCOME}/said"
"""What the program that failed has said."""
LOG = f"{OUTCOME}/log"
CODE = f"{OUTCOME}/code"
"""The exit code of it all; absent where that was killed."""
SCRATCH = "/tmp"
ROOM = 4 << 30
"""Bytes that compilers and what packages are built by may have, beside what packages may have."""
_WISH_BYTES = "512Mi"
_WISH: Mapping[str, Any] = {"name": "wish", "mountPath": WISH}
_MADE: Mapping[str, Any] = {"name": "wheels", "mountPath": OUTCOME}
_OF_FETCH = ("git", "oci", "claim")
_HIDDEN = ("index", "operator-token")
"""What the first step has no use for."""
_OF_BUILDER = ("push", "registry-token")
"""By which the base is read, in the first step as in the last."""
_SCRIPT = f"""\
test -e {PROGRAM} || exit 0
umask 022
mkdir -p "$HOME"
python3 -I {PROGRAM} {WISH} {OUTCOME} {SCRATCH} 2> {LOG}
code=$?
rm -rf {CODE}
echo $code > {CODE}
test ! -f {LOG} || cat {LOG}
exit 0
"""
"""It ends with 0 whatever was said: the container behind it reads that, and tells it.

No pipe: a process that a build left running would hold it open, and the container with it. Nor is
one opened that a build has put in a file's place.
"""
ENVIRONMENT: Mapping[str, str] = {
    "HOME": f"{SCRATCH}/home",
    "TMPDIR": SCRATCH,
    "NO_COLOR": "1",
    # Quoted by signs of ASCII, which is what a pod's last words are in; files are UTF-8.
    "LC_ALL": "C",
    "PYTHONUTF8": "1",
    # Archives that are made of the same are the same: the first moment that they can name.
    "SOURCE_DATE_EPOCH": "315532800",
}


def split(
    spec: Mapping[str, Any], *, image: str, most: int, platform: tuple[str, str]
) -> dict[str, Any]:
    """Return the spec of a build pod with a container in which packages are built.

    It was made for one container, or has a compiler's before that already. `image`: where they
    are built; empty for the builder's own. `most`: bytes that packages may have.
    """
    (builder,) = spec["containers"]
    fetch, *between = spec.get("initContainers") or [
        {**builder, "name": labels.FETCHER, "args": [stages.FETCH]}
    ]
    system, architecture = platform
    return {
        **spec,
        "nodeSelector": {"kubernetes.io/os": system, "kubernetes.io/arch": architecture},
        "initContainers": [
            _fetch(fetch, builder),
            *between,
            _wheels(image or builder["image"], builder["resources"]),
        ],
        "containers": [_builder(builder)],
        "volumes": [
            *spec["volumes"],
            {"name": "wish", "emptyDir": {"sizeLimit": _WISH_BYTES}},
            {"name": "wheels-tmp", "emptyDir": {"sizeLimit": str(most + ROOM)}},
            {"name": "wheels", "emptyDir": {"sizeLimit": str(most)}},
        ],
    }


def _fetch(fetch: Mapping[str, Any], builder: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first step, which reads the base as the last one does, and writes the wishes."""
    known = {each["name"]: each for each in fetch["volumeMounts"] if each["name"] not in _HIDDEN}
    mounts = {each["name"]: each for each in builder["volumeMounts"]}
    known |= {name: mounts[name] for name in _OF_BUILDER if name in mounts}
    return {**fetch, "volumeMounts": [*known.values(), dict(_WISH)]}


def _builder(builder: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last step, which sees what was made and changes none of it."""
    kept = (each for each in builder["volumeMounts"] if each["name"] not in _OF_FETCH)
    made = ({**each, "readOnly": True} for each in (_WISH, _MADE))
    return {**builder, "volumeMounts": [*kept, *made]}


def _wheels(image: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": labels.WHEELS,
        "image": image,
        # Nothing of a job's is in the script.
        "command": ["/bin/sh", "-c", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in ENVIRONMENT.items()],
        "volumeMounts": [
            {**_WISH, "readOnly": True},
            # Nothing that is written there reaches the container behind it.
            {"name": "wheels-tmp", "mountPath": SCRATCH},
            dict(_MADE),
        ],
        "workingDir": SCRATCH,
        "resources": dict(resources),
        "securityContext": security.container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
