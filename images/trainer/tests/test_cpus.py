from __future__ import annotations

import pathlib

import pytest

from trainshed_trainer import cpus


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "10000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({}, 8),
    ],
    ids=str,
)
def test_a_limit_on_cpus_is_heeded(
    tmp_path: pathlib.Path, files: dict[str, str], expected: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert cpus.usable(tmp_path, present=8) == expected


def test_what_the_user_has_set_is_left_alone() -> None:
    environment = {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "active"}

    cpus.advise(environment)

    assert environment == {"OMP_NUM_THREADS": "7", "OMP_WAIT_POLICY": "active"}
