"""`python3 -I mounted.py -- COMMAND…`: runs a command where this library and the code are mounted.

The container is of the base as it is, and knows nothing of what is mounted into it: this file finds
the rest of it from where it lies itself, and leaves all that the base has set in its place.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_ABOVE = 5
"""So many folders above this file is the image that it is of."""


def environment(given: Mapping[str, str], root: str) -> dict[str, str]:
    """Return the environment in which what is mounted at `root` is imported, before the base's."""
    ours = [f"{root}/opt/trainshed/trainer", f"{root}/app"]
    changed = {}
    packages = f"{root}/opt/trainshed/packages"
    if os.path.isdir(packages):
        # First: it calls the sitecustomize that would have been found without it.
        ours.insert(0, f"{root}/opt/trainshed/trainer/trainshed_trainer/hooks")
        # Last: their programs hide none of the base's.
        changed["PATH"] = f"{given.get('PATH', os.defpath)}:{packages}/bin"
    changed["PYTHONPATH"] = ":".join([*ours, *filter(None, [given.get("PYTHONPATH")])])
    return {**given, **changed}


def main() -> None:
    """Become the command."""
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    root = os.path.abspath(__file__)
    for _ in range(_ABOVE):
        root = os.path.dirname(root)
    os.execvpe(command[0], command, environment(os.environ, root))


if __name__ == "__main__":
    main()
