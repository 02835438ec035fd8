"""Runs inside the buildah image: its user may map users by file capabilities alone."""

import os
import pathlib
import pwd
import stat
import subprocess
import sys

LIMIT = 65536
"""A pod with a user namespace of its own has so many users."""


def main() -> None:
    """Say what was found."""
    assert pwd.getpwuid(1000).pw_name == "build"
    for name in ("newuidmap", "newgidmap"):
        program = f"/usr/bin/{name}"
        assert not os.stat(program).st_mode & (stat.S_ISUID | stat.S_ISGID)
        assert os.getxattr(program, "security.capability")
    for each in ("/etc/subuid", "/etc/subgid"):
        for line in pathlib.Path(each).read_text("ascii").splitlines():
            user, first, count = line.split(":")
            assert user == "build"
            assert int(first) + int(count) <= LIMIT
    version = subprocess.run(["buildah", "--version"], capture_output=True, check=True, text=True)
    sys.stdout.write(f"buildah: {version.stdout.strip()}\n")


main()
