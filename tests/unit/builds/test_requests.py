"""The content key: the same for the same image, another for anything that may differ."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builds import trees
from trainshed.builds import requests

BASE = requests.Request(
    base_digest=f"sha256:{'a' * 64}",
    library=requests.tree_hash({"launch.py": b"run()"}),
    source={"train.py": b"print(1)"},
    entrypoint=("python3", "train.py"),
)
CHANGES: dict[str, dict[str, Any]] = {
    "another base": {"base_digest": f"sha256:{'b' * 64}"},
    "another byte in the library": {"library": requests.tree_hash({"launch.py": b"run( )"})},
    "another name in the library": {"library": requests.tree_hash({"launcher.py": b"run()"})},
    "another byte in the code": {"source": {"train.py": b"print(2)"}},
    "another name in the code": {"source": {"main.py": b"print(1)"}},
    "one more empty file": {"source": {"train.py": b"print(1)", "__init__.py": b""}},
    "no code": {"source": {}},
    "another entry point": {"entrypoint": ("python3", "main.py")},
    "the entry point cut otherwise": {"entrypoint": ("python3 train.py",)},
    "library and code exchanged": {
        "library": requests.tree_hash(BASE.source),
        "source": {"launch.py": b"run()"},
    },
    "another platform": {"platforms": ("linux/arm64",)},
    "one more platform": {"platforms": ("linux/amd64", "linux/arm64")},
    "another compression": {"compression": "gzip"},
    "mounted, not on top": {"mounted": True},
    "packages": {"packages": "a" * 64},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_any_change_is_another_key(change: dict[str, Any]) -> None:
    assert dataclasses.replace(BASE, **change).key() != BASE.key()


def test_changes_do_not_meet_in_one_key() -> None:
    keys = {dataclasses.replace(BASE, **change).key() for change in CHANGES.values()}

    assert len(keys) == len(CHANGES)


def test_every_field_is_in_the_key() -> None:
    changed = {name for change in CHANGES.values() for name in change}

    assert changed == {each.name for each in dataclasses.fields(requests.Request)}


def test_another_version_of_the_packing_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = BASE.key()
    monkeypatch.setattr(requests, "VERSION", "next")

    assert BASE.key() != before


def test_the_key_is_the_same_on_every_machine() -> None:
    # A change here builds every image anew.
    assert BASE.key() == "17ecd8fa6b448822dfb19f73118203f8"


@given(trees.trees(), st.randoms(use_true_random=False))
def test_the_order_of_files_is_of_no_account(files: dict[str, bytes], random: Any) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)

    assert requests.tree_hash(files) == requests.tree_hash(dict(shuffled))


@given(trees.trees(), trees.trees())
def test_only_equal_trees_have_equal_hashes(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (requests.tree_hash(one) == requests.tree_hash(other)) == (one == other)


@given(st.binary(max_size=12), st.binary(max_size=12), st.integers(0, 24))
def test_no_two_trees_are_run_together(first: bytes, second: bytes, cut: int) -> None:
    # The same bytes one after the other, cut at another place.
    joined = first + second
    one = {"a": first, "b": second}
    other = {"a": joined[:cut], "b": joined[cut:]}

    assert (requests.tree_hash(one) == requests.tree_hash(other)) == (one == other)


def test_a_name_that_looks_like_the_next_file_is_another_tree() -> None:
    one = {"a": b"1:b:1:x", "b": b"x"}
    other = {"a:7:1": b"b:1:x1:b:1:x"}

    assert requests.tree_hash(one) != requests.tree_hash(other)


def test_the_key_is_part_of_a_tag() -> None:
    assert len(BASE.key()) == 32
    assert set(BASE.key()) <= set("0123456789abcdef")


def test_a_request_does_not_print_the_code() -> None:
    assert "print(1)" not in repr(BASE)
