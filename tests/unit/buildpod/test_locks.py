"""Locks, apart from what uv makes of them."""

from __future__ import annotations

from trainshed.buildpod import locks

LOCK = """\
a==1.0 \\
    --hash=sha256:00 \\
    --hash=sha256:01
B_b==2.0 ; python_version > "3"
    --hash=sha256:02
"""


def test_each_package_has_its_own_lines() -> None:
    found = locks.blocks(LOCK)

    assert list(found) == ["a", "b-b"]
    assert "sha256:01" in found["a"]
    assert "sha256:02" in found["b-b"]
    assert "".join(found.values()).count("--hash") == 3


def test_constraints_are_of_the_versions_of_a_lock() -> None:
    limits = ["a<1  # too new", "", "# nothing", "b-b>=2", "c==9"]

    assert locks.beyond(LOCK, limits) == [("a==1.0", "a<1")]


def test_a_further_file_of_a_package_may_be_allowed() -> None:
    found = locks.allowing(LOCK, {"a": "02", "c": "03"})
    assert found == (
        "a==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01 \\\n    --hash=sha256:02\n"
        'B_b==2.0 ; python_version > "3" \\\n    --hash=sha256:02\n'
    )
    assert locks.allowing(found, {"a": "02"}) == found


def test_nothing_more_is_allowed_where_nothing_was_made() -> None:
    text = "a==1.0 \\\n    --hash=sha256:00\n"
    assert locks.allowing(text, {}) == text
