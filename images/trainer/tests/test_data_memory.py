from __future__ import annotations

import pathlib

import pytest

from trainshed_trainer.data import memory


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "2000\n"}, 2000),
        ({"memory.max": "max\n"}, 9000),
        ({"memory.max": "99999999999\n"}, 9000),
        ({"memory/memory.limit_in_bytes": "3000\n"}, 3000),
        ({"memory.max": "nonsense"}, 9000),
        ({}, 9000),
    ],
    ids=str,
)
def test_a_limit_on_memory_is_heeded(
    tmp_path: pathlib.Path, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert memory.limit(tmp_path, present=9000, environment={}) == expected


def test_the_ranks_of_a_pod_share_its_memory(tmp_path: pathlib.Path) -> None:
    shared = {"LOCAL_WORLD_SIZE": "4"}

    assert memory.limit(tmp_path, present=9000, environment=shared) == 2250


def test_this_machine_has_some() -> None:
    assert memory.limit() > 2**27
