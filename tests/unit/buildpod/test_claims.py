"""A claim's folder becomes the code: only what is on the claim, and may be read."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from trainshed.buildpod import claims, failing, trees
from trainshed.builds import orders


def folder(mount: pathlib.Path, path: str = ".") -> pathlib.Path:
    return claims.folder(orders.Claim("code", path), mount)


def test_a_folder_of_a_claim_is_found(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "current").symlink_to("a/b")

    assert folder(tmp_path) == tmp_path
    assert folder(tmp_path, "a/b") == folder(tmp_path, "current") == tmp_path / "a/b"


@pytest.mark.parametrize("path", ["..", "a/../..", "absent", "file", "leak", "loop", "/etc"])
def test_what_is_not_a_folder_of_the_claim_is_refused(tmp_path: pathlib.Path, path: str) -> None:
    mount = tmp_path / "claim"
    (mount / "a").mkdir(parents=True)
    (mount / "file").touch()
    (mount / "leak").symlink_to("..")
    (mount / "loop").symlink_to("loop")

    with pytest.raises(failing.BuildFailed, match="claim code has no folder") as caught:
        folder(mount, path)
    assert (caught.value.reason, caught.value.terminal) == ("SourcePathNotFound", True)


@pytest.fixture
def nobody() -> Iterator[pathlib.Path]:
    """Read as a user to whom not everything is open; return a folder of everybody's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield pathlib.Path(folder)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("name", ["secret", "folder/secret"])
def test_what_may_not_be_read_is_named(nobody: pathlib.Path, name: str) -> None:
    owner = os.geteuid()
    with contextlib.suppress(PermissionError):
        os.seteuid(os.getuid())
    path = nobody / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    (path.parent if "/" in name else path).chmod(0)
    os.seteuid(owner)

    with pytest.raises(failing.BuildFailed, match="may not be read by user") as caught:
        trees.read(nobody, ignore=(), limit=10)

    assert (caught.value.reason, caught.value.terminal) == ("SourceUnreadable", True)
    assert repr(name.partition("/")[0]) in str(caught.value)
    with contextlib.suppress(PermissionError):
        os.seteuid(os.getuid())
    (path.parent if "/" in name else path).chmod(0o700)
    os.seteuid(owner)
