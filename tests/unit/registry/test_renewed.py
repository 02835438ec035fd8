"""Files that the kubelet renews: read anew when they change, kept where they can't be used."""

from __future__ import annotations

import logging
import os
import pathlib

import pytest

from trainshed.registry import renewed


class Reader:
    """Reads a text, and counts."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, path: str) -> str:
        self.reads += 1
        try:
            text = pathlib.Path(path).read_text()
        except OSError:
            raise ValueError("no file") from None
        if "broken" in text:
            raise ValueError("no text")
        return text


def test_what_has_not_changed_is_read_once(tmp_path: pathlib.Path) -> None:
    path, read = tmp_path / "file", Reader()
    path.write_text("first")
    found = renewed.File(str(path), read)

    assert [found.value(), found.value()] == ["first", "first"]
    assert read.reads == 1


def test_what_is_written_over_is_read_anew(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_text("first")
    found = renewed.File(str(path), Reader())

    path.write_text("the second")

    assert found.value() == "the second"


def test_a_volume_that_the_kubelet_renews_is_read_anew(tmp_path: pathlib.Path) -> None:
    """It writes a folder beside the old one, and swaps the link that leads there."""
    for name in ("first", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
        os.utime(tmp_path / name / "file", (1000, 1000))
    (tmp_path / "..data").symlink_to("first")
    (tmp_path / "file").symlink_to("..data/file")
    found = renewed.File(str(tmp_path / "file"), Reader())
    assert found.value() == "first"

    (tmp_path / "..new").symlink_to("other")
    (tmp_path / "..new").rename(tmp_path / "..data")

    assert found.value() == "other"


@pytest.mark.parametrize("broken", [True, False], ids=["broken", "gone"])
def test_what_can_not_be_used_leaves_what_was_and_is_told_once(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, broken: bool
) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / "file"
    path.write_text("first")
    found = renewed.File(str(path), Reader())

    if broken:
        path.write_text("broken by hand")
    else:
        path.unlink()
    assert [found.value(), found.value()] == ["first", "first"]
    assert [each.message for each in caplog.records] == ["file_unusable"]

    path.write_text("mended")
    assert found.value() == "mended"


def test_a_file_that_can_not_be_used_at_first_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="no file"):
        renewed.File(str(tmp_path / "none"), Reader())


def test_no_file_is_read_once() -> None:
    found = renewed.File("", str.upper)

    assert [found.value(), found.value()] == ["", ""]
