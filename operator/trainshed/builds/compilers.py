"""The pod of a source with extensions: three containers, and what each of them may see.

1. `fetch`, ours: gets the code; it alone has the Secret of its source.
2. `compile`, the development image's: runs the source's own build; it sees no Secret at all.
3. `builder`, ours: installs and pushes what was made; it alone has the Secret to push.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.api import labels, security
from trainshed.builds import dockerfiles, stages

OUTCOME = "/compiled"
"""The compiler's own volume: what it made, and what it said."""
WHEELS = f"{OUTCOME}/wheels"
LOG = f"{OUTCOME}/log"
CODE = f"{OUTCOME}/code"
"""The exit code of the source's build; absent where that was killed."""
TREE = "/tmp/tree"
"""A copy of the code, in which it is built: the same path each time, as files name it."""
ROOM = 4 << 30
"""Bytes that headers, objects and the like may have beside the code."""
PLATFORM = ("linux", "amd64")
_OF_FETCH = ("git", "oci", "claim")
_SCRIPT = f"""\
test ! -e {dockerfiles.REFUSAL} || exit 0
umask 022
mkdir -p "$HOME" {TREE}
cp -R {dockerfiles.CONTEXT}/. {TREE}
cd {TREE}
build() {{
  python3 -m pip wheel --no-deps --no-index --no-build-isolation --no-cache-dir --verbose \\
    --wheel-dir {WHEELS} {TREE}
}}
{{ build; echo $? > {CODE}; }} 2>&1 | tee {LOG}
"""
"""It ends with 0 whatever the compiler said: the container behind it reads that, and tells it."""
_ENVIRONMENT = {
    "HOME": "/tmp/home",
    "TMPDIR": "/tmp",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "NO_COLOR": "1",
    # Compilers quote names by signs of ASCII then, which is what a pod's last words are in.
    "LC_ALL": "C",
    # Files are read as UTF-8 all the same.
    "PYTHONUTF8": "1",
    # Archives that are made of the same are the same: the first moment that they can name.
    "SOURCE_DATE_EPOCH": "315532800",
}


def split(
    spec: Mapping[str, Any], *, image: str, limit: int, artifact: bool = False
) -> dict[str, Any]:
    """Return the spec of a build pod, made for one container, in three.

    `image`: the development image. `limit`: bytes that the code may have. `artifact`: whether
    the code is in a registry, which may take the pod's token.
    """
    (builder,) = spec["containers"]
    mounts = {each["name"]: each for each in builder["volumeMounts"]}
    hidden = ("push", "index", "operator-token", *(() if artifact else ("registry-token",)))
    made = {"name": "compiled", "mountPath": OUTCOME}
    fetch = {
        **builder,
        "name": labels.FETCHER,
        "args": [stages.FETCH],
        "volumeMounts": [each for name, each in mounts.items() if name not in hidden],
    }
    compiler = _compiler(image, builder["resources"]) | {
        "volumeMounts": [
            mounts["work"] | {"readOnly": True},
            # Nothing that is written there reaches the container behind it.
            {"name": "scratch", "mountPath": "/tmp"},
            made,
        ],
    }
    push = {
        **builder,
        "volumeMounts": [
            *(each for name, each in mounts.items() if name not in _OF_FETCH),
            made | {"readOnly": True},
        ],
    }
    system, architecture = PLATFORM
    return {
        **spec,
        "nodeSelector": {"kubernetes.io/os": system, "kubernetes.io/arch": architecture},
        "initContainers": [fetch, compiler],
        "containers": [push],
        "volumes": [
            *spec["volumes"],
            {"name": "scratch", "emptyDir": {"sizeLimit": str(4 * limit + ROOM)}},
            {"name": "compiled", "emptyDir": {"sizeLimit": str(ROOM)}},
        ],
    }


def _compiler(image: str, resources: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": labels.COMPILER,
        "image": image,
        # Nothing of a job's is in the script.
        "command": ["/bin/sh", "-c", _SCRIPT],
        "env": [{"name": name, "value": value} for name, value in _ENVIRONMENT.items()],
        "workingDir": "/tmp",
        "resources": dict(resources),
        "securityContext": security.container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
