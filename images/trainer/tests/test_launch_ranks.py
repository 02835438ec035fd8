"""Several processes in a pod: told alike, ended with the first that fails."""

from __future__ import annotations

import json
import os
import pathlib
import signal
from typing import Any

import pytest

from images.trainer.tests import launching

pytestmark = pytest.mark.processes
TWO = {"TRAINSHED_PROCESSES": "2"}
LEAVES = """
import json, os, sys
rank = os.environ["RANK"]
print(json.dumps({name: os.environ.get(name) for name in sorted(os.environ)}), flush=True)
"""
WAITS = """
import os, signal, sys
if os.environ["RANK"] == "%d":
    os.read(0, 1)  # until the other is up
    %s
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


def two(folder: pathlib.Path, text: str, **environment: str) -> launching.Launched:
    """Return a launcher of two processes of a script."""
    return launching.script(folder, text, patient=False, **{**TWO, **environment})


def environments(folder: pathlib.Path, **given: str) -> list[dict[str, Any]]:
    """Return the environment of each of two processes, by rank."""
    launched = two(folder, LEAVES, **given)
    found = [json.loads(launched.line()) for _ in range(2)]
    assert launched.end()[0] == 0
    return sorted(found, key=lambda each: int(each["RANK"]))


def gone(pid: int) -> bool:
    """Return whether a process is no more, or only waits to be reaped."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2]
    except OSError:
        return True
    return state == "Z"


def test_each_process_has_a_rank_and_a_file_of_its_own(tmp_path: pathlib.Path) -> None:
    first, second = environments(tmp_path)

    assert (first["RANK"], first["LOCAL_RANK"], first["WORLD_SIZE"]) == ("0", "0", "2")
    assert (second["RANK"], second["LOCAL_RANK"], second["WORLD_SIZE"]) == ("1", "1", "2")
    assert first["MASTER_ADDR"] == second["MASTER_ADDR"] == "127.0.0.1"
    assert first["TRAINSHED_ACCOUNT_FILE"] != second["TRAINSHED_ACCOUNT_FILE"]


def test_ranks_go_on_from_those_of_the_pods_before(tmp_path: pathlib.Path) -> None:
    hosts = {"TRAINSHED_HOSTS": "a,b,c", "JOB_COMPLETION_INDEX": "2"}

    found = environments(tmp_path, **hosts)

    assert [each["RANK"] for each in found] == ["4", "5"]
    assert {each["WORLD_SIZE"] for each in found} == {"6"}
    assert {each["MASTER_ADDR"] for each in found} == {"a"}


def test_rank_0_alone_tells_and_the_first_of_a_pod_alone_serves(tmp_path: pathlib.Path) -> None:
    given = {
        "TRAINSHED_PROGRESS_URL": "https://127.0.0.1:1/",
        "KUBEFLOW_TRAINER_SERVER_URL": "https://127.0.0.1:1/",
        "TRAINSHED_METRICS_PORT": "9400",
    }
    first, second = environments(tmp_path, **given)

    assert given.items() <= first.items()
    assert not set(given) & set(second)


def test_the_cpus_are_shared(tmp_path: pathlib.Path) -> None:
    first, second = environments(tmp_path)

    assert first["OMP_NUM_THREADS"] == second["OMP_NUM_THREADS"]
    assert int(first["OMP_NUM_THREADS"]) <= max(1, (os.cpu_count() or 1) // 2)


def test_rank_0_speaks_for_a_pod_that_did_well(tmp_path: pathlib.Path) -> None:
    code, account, _ = two(
        tmp_path,
        """
        import os
        from trainshed_trainer import Run
        rank = int(os.environ["RANK"])
        with Run() as run:
            for _ in run.steps(range(3 + rank), samples=4):
                run.log(loss=0.5)
        """,
    ).end()

    assert (code, account["outcome"], account["rank"], account["samples"]) == (
        0,
        "succeeded",
        0,
        12,
    )


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_that_fails_ends_the_other_and_is_blamed(
    tmp_path: pathlib.Path, rank: int
) -> None:
    launched = two(tmp_path, WAITS % (rank, "raise ValueError('of this rank')"))
    other = int(launched.line())
    launched.hang_up()

    code, account, _ = launched.end()

    assert (code, account["rank"]) == (1, rank)
    assert account["message"] == "ValueError: of this rank"
    assert gone(other)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_the_other(tmp_path: pathlib.Path, rank: int) -> None:
    launched = two(tmp_path, WAITS % (rank, "os.kill(os.getpid(), signal.SIGKILL)"))
    other = int(launched.line())
    launched.hang_up()

    code, account, _ = launched.end()

    assert (code, account["reason"], account["rank"]) == (137, "ProcessKilled", rank)
    assert gone(other)


def test_one_that_does_not_heed_is_ended_all_the_same(tmp_path: pathlib.Path) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    text = WAITS.replace("print(", deaf + "print(")
    launched = two(tmp_path, text % (1, "sys.exit(3)"))
    other = int(launched.line())
    launched.hang_up()

    code, account, _ = launched.end()

    assert (code, account["rank"]) == (1, 1)
    assert gone(other)


def test_sigterm_reaches_every_process(tmp_path: pathlib.Path) -> None:
    launched = two(
        tmp_path,
        """
        import signal
        from trainshed_trainer import Run
        with Run() as run:
            for number in run.steps(range(1 << 60), samples=1):
                if number == 0:
                    print("step", flush=True)
                if not run.stopping:
                    signal.sigtimedwait([signal.SIGUSR1], 0.01)
        """,
    )
    assert [launched.line() for _ in range(2)] == [b"step\n", b"step\n"]

    launched.process.send_signal(signal.SIGTERM)
    code, account, _ = launched.end()

    assert (code, account["outcome"], account["rank"]) == (75, "stopped", 0)


def test_a_process_that_lost_those_that_were_told_to_stop_was_stopped_too(
    tmp_path: pathlib.Path,
) -> None:
    launched = two(
        tmp_path,
        """
        import os, signal
        from trainshed_trainer import Run, errors
        with Run() as run:
            print("up", flush=True)
            while not run.stopping:
                signal.sigtimedwait([signal.SIGUSR1], 0.01)
            if os.environ["RANK"] == "1":
                raise errors.PeersLost("connection reset")
        """,
    )
    assert [launched.line() for _ in range(2)] == [b"up\n", b"up\n"]

    launched.process.send_signal(signal.SIGTERM)
    code, account, _ = launched.end()

    assert (code, account["outcome"]) == (75, "stopped")


def test_a_command_that_can_not_be_started_is_started_by_none(tmp_path: pathlib.Path) -> None:
    launched = launching.Launched(
        tmp_path, "no-such-program", JOB_COMPLETION_INDEX="1", TRAINSHED_HOSTS="a,b", **TWO
    )
    code, account, _ = launched.end()

    assert (code, account["reason"], account["rank"]) == (2, "EntryPointNotFound", 2)


@pytest.mark.parametrize("name", ["TRAINSHED_CHECKPOINT_DIR", "TRAINSHED_ARTIFACTS_DIR"])
def test_the_folder_of_the_job_is_there(tmp_path: pathlib.Path, name: str) -> None:
    place = tmp_path / "kept" / "team" / "digits"
    touch = f"import os, pathlib; pathlib.Path(os.environ['{name}'], 'x').touch()"

    code, _, _ = launching.script(tmp_path, touch, **{name: str(place)}).end()

    assert code == 0
    assert (place / "x").exists()


@pytest.mark.parametrize("place", ["s3://bucket/kept", "/proc/none"])
def test_a_folder_that_can_not_be_made_is_the_commands_business(
    tmp_path: pathlib.Path, place: str
) -> None:
    launched = launching.Launched(tmp_path, "true", TRAINSHED_CHECKPOINT_DIR=place)

    assert launched.end()[0] == 0
    assert not (tmp_path / "s3:").exists()
