"""What real commands do to the launcher that no well-behaved one does."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import sys
import textwrap

import pytest

from images.trainer.tests import launching
from trainshed_trainer import launch

pytestmark = pytest.mark.processes


def test_sigterm_before_the_command_can_handle_it_is_a_stop(tmp_path: pathlib.Path) -> None:
    launched = launching.script(tmp_path, "import signal; print('up', flush=True); signal.pause()")
    launched.line()

    launched.process.send_signal(signal.SIGTERM)
    code, account, _ = launched.end()

    assert (code, account["outcome"], account["class"]) == (75, "stopped", "Preempted")


def test_a_shell_that_sigterm_ends_is_a_stop(tmp_path: pathlib.Path) -> None:
    launched = launching.Launched(tmp_path, "bash", "-c", "echo up; sleep 60; exit 143")
    launched.line()

    launched.process.send_signal(signal.SIGTERM)
    code, account, _ = launched.end()

    assert (code, account["outcome"]) == (75, "stopped")


def test_a_command_that_ignores_sigterm_is_waited_for(tmp_path: pathlib.Path) -> None:
    launched = launching.script(
        tmp_path,
        """
        import os, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"heard\\n"))
        os.write(1, b"%d\\n" % os.getpid())
        while True:
            signal.pause()
        """,
    )
    child = int(launched.line())
    launched.process.send_signal(signal.SIGTERM)
    assert launched.line() == b"heard\n"
    assert launched.process.poll() is None

    os.kill(child, signal.SIGKILL)
    code, account, _ = launched.end()

    assert (code, account["outcome"], account["reason"]) == (137, "failed", "ProcessKilled")


def test_a_command_that_ends_itself_by_sigterm_was_not_told_to(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.script(tmp_path, "import os; os.kill(os.getpid(), 15)").end()

    assert (code, account["outcome"]) == (128 + 15, "failed")


@pytest.mark.parametrize(("code", "told", "class_"), [(3, 1, "UserCode"), (2, 2, "UserCode")])
def test_codes_of_the_command(tmp_path: pathlib.Path, code: int, told: int, class_: str) -> None:
    got, account, _ = launching.script(tmp_path, f"import sys; sys.exit({code})").end()

    assert (got, account["exitCode"], account["class"]) == (told, told, class_)
    assert f"exit code {code}" in account["message"]


def test_75_of_a_command_that_has_not_been_told_to_stop_is_its_failure(
    tmp_path: pathlib.Path,
) -> None:
    code, account, _ = launching.script(tmp_path, "import sys; sys.exit(75)").end()

    assert (code, account["outcome"]) == (1, "failed")


def test_data_of_the_user_that_is_wrong_is_told_as_such(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.script(
        tmp_path,
        """
        from trainshed_trainer import DataError, Run
        with Run():
            raise DataError("no images in /data: mount some", reason="NoImages")
        """,
    ).end()

    assert (code, account["class"], account["reason"]) == (2, "Data", "NoImages")
    assert account["message"] == "no images in /data: mount some"


def test_an_error_that_the_script_got_over_is_no_failure(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.script(
        tmp_path,
        """
        from trainshed_trainer import Run
        try:
            with Run() as run:
                for _ in run.steps(range(3), samples=1):
                    run.log(loss=float("nan"))
        except Exception:
            pass
        """,
    ).end()

    assert (code, account["outcome"]) == (0, "succeeded")
    assert (account["class"], account["reason"], account["message"]) == (None, None, "")


def test_an_exception_of_the_users_own_is_named(tmp_path: pathlib.Path) -> None:
    _, account, _ = launching.script(
        tmp_path, "class Boom(Exception): pass\nraise Boom('why')"
    ).end()

    assert account["message"] == "Boom: why"


def test_a_module_that_does_not_exist(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.Launched(tmp_path, sys.executable, "-m", "nonsense").end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")


def test_a_script_without_its_interpreter_in_front(tmp_path: pathlib.Path) -> None:
    (tmp_path / "train.py").write_text("print()")

    code, account, _ = launching.Launched(tmp_path, "train.py").end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")
    assert "[python3, train.py]" in account["message"]


def test_a_command_with_a_null_byte_is_no_crash(tmp_path: pathlib.Path) -> None:
    text = "import sys; from trainshed_trainer import launch; sys.exit(launch.main(['a\\0b']))"
    launched = launching.script(tmp_path, text)

    code, _, err = launched.end()

    assert (code, b"Traceback" in err) == (1, False) or code == 2


def test_no_command_at_all(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.Launched(tmp_path).end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")


def test_ten_megabytes_of_errors_pass_through_whole(tmp_path: pathlib.Path) -> None:
    code, account, err = launching.script(
        tmp_path, "import sys; sys.stderr.write('x' * 10_000_000 + 'end'); sys.exit(1)"
    ).end()

    assert err.startswith(b"x" * 10_000_000 + b"end")
    assert account["logTail"].endswith("xend")
    assert code == 1


def test_a_log_that_nobody_reads_does_not_stall_the_command(tmp_path: pathlib.Path) -> None:
    launched = launching.script(
        tmp_path, "import sys; sys.stderr.write('x' * 1_000_000); print('done', flush=True)"
    )
    launched.process.stderr.close()

    assert launched.line() == b"done\n"
    launched.process.wait(timeout=30)
    launched.process.stdout.close()
    launched.hang_up()
    assert json.loads(launched.log.read_text())["outcome"] == "succeeded"


def test_a_grandchild_of_another_session_may_hold_the_log_open(tmp_path: pathlib.Path) -> None:
    launched = launching.script(
        tmp_path,
        """
        import subprocess, sys
        child = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        """,
        patient=False,
    )
    grandchild = int(launched.line())
    launched.process.wait(timeout=30)
    os.kill(grandchild, signal.SIGKILL)

    code, account, _ = launched.end()

    assert (code, account["outcome"]) == (0, "succeeded")


def test_orphans_are_reaped_as_by_any_process_1(tmp_path: pathlib.Path) -> None:
    text = """
        import ctypes, os, sys
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # as process 1, it inherits orphans
        from trainshed_trainer import launch
        sys.exit(launch.main(["--", sys.executable, "child.py"]))
    """
    (tmp_path / "child.py").write_text(
        textwrap.dedent("""
        import os, sys, time
        read, write = os.pipe()
        if os.fork() == 0:
            if os.fork() == 0:
                os.write(write, str(os.getpid()).encode())
                os._exit(0)
            os._exit(0)
        os.wait()
        orphan = int(os.read(read, 20))
        deadline = time.monotonic() + 10
        while os.path.exists(f"/proc/{orphan}") and time.monotonic() < deadline:
            os.sched_yield()
        sys.exit(4 if os.path.exists(f"/proc/{orphan}") else 0)
        """)
    )
    code, account = launching.outer(tmp_path, text)

    assert (code, account["outcome"]) == (0, "succeeded")


def test_ignored_sigchld_of_a_parent_loses_no_exit_code(tmp_path: pathlib.Path) -> None:
    (tmp_path / "train.py").write_text("import sys; sys.exit(3)")
    text = """
        import os, signal, sys
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-m", "trainshed_trainer.launch", "--",
                                  sys.executable, "train.py"])
    """
    code, account = launching.outer(tmp_path, text)

    assert code == 1
    assert "exit code 3" in account["message"]


def test_a_termination_log_that_is_missing_is_no_reason_to_fail(tmp_path: pathlib.Path) -> None:
    launched = launching.Launched(tmp_path, "true", TRAINSHED_TERMINATION_LOG="/no/such/folder/log")

    _, err = launched.process.communicate(timeout=30)

    assert (launched.process.returncode, err) == (0, b"")


def test_without_a_folder_to_write_to_the_command_runs_all_the_same(
    tmp_path: pathlib.Path,
) -> None:
    text = """
        import sys, tempfile
        from trainshed_trainer import launch
        def none(**_): raise OSError("read-only")
        tempfile.mkdtemp = none
        sys.exit(launch.main(["--", "true"]))
    """
    code, account = launching.outer(tmp_path, text)

    assert (code, account["outcome"]) == (0, "succeeded")


def test_nothing_is_left_behind(tmp_path: pathlib.Path) -> None:
    launching.script(tmp_path, "from trainshed_trainer import Run\nwith Run(): pass").end()

    assert sorted(each.name for each in tmp_path.iterdir()) == ["termination-log", "train.py"]


def test_an_operator_that_cannot_be_reached_costs_two_seconds_at_most(
    tmp_path: pathlib.Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (tmp_path / "token").write_text("t")
        launched = launching.Launched(
            tmp_path,
            "true",
            patient=False,
            TRAINSHED_PROGRESS_URL=f"https://127.0.0.1:{port}/",
            TRAINSHED_PROGRESS_TOKEN_FILE=str(tmp_path / "token"),
            TRAINSHED_PROGRESS_CA_FILE="/etc/ssl/certs/ca-certificates.crt",
        )

        assert launched.end()[0] == 0
    assert launch.PUSH_SECONDS <= 2
