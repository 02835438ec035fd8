"""Links of a tree that is on no disk lead where the kernel would be led."""

from __future__ import annotations

import os
import pathlib
import tempfile

import hypothesis
import pytest
from hypothesis import strategies

from trainshed.builds import links

PARTS = strategies.sampled_from(["a", "b", "..", ".", "a/b", "b/..", "../a"])
NAMES = strategies.sampled_from(["a", "b", "c/a", "c/b", "c/d/a"])
TARGETS = strategies.lists(PARTS, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("name", "found"),
    {"lib/a.py": {}, "b.py": {"b.py": "lib/a.py"}, "d/a.py": {"d": "lib"}}.items(),
)
def test_a_name_means_what_its_links_lead_to(name: str, found: dict[str, str]) -> None:
    assert links.resolve(name, found) == "lib/a.py"


@pytest.mark.parametrize(
    "found",
    [
        {"a": "/etc/passwd"},
        {"a": "../b"},
        {"a": "b/../../c"},
        {"a": "a"},
        {"a": "b", "b": "a"},
        # Inside by its letters, but `p/q` is the root already.
        {"p/q": "..", "a": "p/q/../etc"},
    ],
)
def test_what_leads_out_or_nowhere_has_no_name(found: dict[str, str]) -> None:
    assert links.resolve("a", found) is None


@hypothesis.given(strategies.dictionaries(NAMES, TARGETS, max_size=4))
def test_it_is_never_taken_for_inside_where_the_kernel_is_led_out(found: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "deep/root")
        for name in found:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        for name, target in found.items():
            os.symlink(target, root / name)
        for name in found:
            resolved = links.resolve(name, found)
            try:
                real = (root / name).resolve()
            except (OSError, RuntimeError):  # a loop
                continue
            if resolved is not None:
                assert real.is_relative_to(root.resolve())
