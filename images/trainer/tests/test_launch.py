from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from typing import Any

import pytest

from images.trainer.tests import launching

pytestmark = pytest.mark.processes


def python(tmp_path: pathlib.Path, script: str) -> tuple[int, Any, bytes, bytes]:
    launched = launching.script(tmp_path, script)
    code, account, err = launched.end()
    return code, account, launched.out, err


def test_a_command_that_succeeds(tmp_path: pathlib.Path) -> None:
    code, account, out, _ = python(tmp_path, "print('hello')")

    assert (code, account["outcome"], out) == (0, "succeeded", b"hello\n")


def test_the_module_is_a_program(tmp_path: pathlib.Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainshed_trainer.launch", "--", "sh", "-c", "echo hello; exit 3"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(launching.LIBRARY),
            "TRAINSHED_TERMINATION_LOG": str(tmp_path / "termination-log"),
        },
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, b"hello\n")
    assert "exit code 3" in (tmp_path / "termination-log").read_text(encoding="utf-8")


def test_the_runs_own_figures_are_in_the_account(tmp_path: pathlib.Path) -> None:
    script = """
        from trainshed_trainer import Run
        with Run() as run:
            for _ in run.steps(range(5), samples=4):
                run.log(loss=0.5)
            run.evaluate(accuracy=0.9)
    """
    code, account, _, _ = python(tmp_path, script)

    assert code == 0
    assert (account["samples"], account["metrics"]) == (20, {"accuracy": 0.9})


def test_code_that_raises(tmp_path: pathlib.Path) -> None:
    code, account, _, err = python(tmp_path, "raise ValueError('the user did this')")

    assert code == 1
    assert account["class"] == "UserCode"
    assert account["message"] == "ValueError: the user did this"
    assert "Traceback" in account["logTail"]
    assert b"the user did this" in err


def test_a_program_that_does_not_exist(tmp_path: pathlib.Path) -> None:
    (tmp_path / "train.py").write_text("")

    code, account, _ = launching.Launched(tmp_path, "no-such-program").end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")
    assert "train.py" in account["message"]


def test_a_script_that_does_not_exist(tmp_path: pathlib.Path) -> None:
    code, account, _ = launching.Launched(tmp_path, sys.executable, "main.py").end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")


def test_a_file_that_is_no_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").write_text("x")

    code, account, _ = launching.Launched(tmp_path, "./data").end()

    assert (code, account["reason"]) == (2, "EntryPointNotFound")
    assert "denied" in account["message"]


def test_python_is_this_python_where_the_image_has_no_other(tmp_path: pathlib.Path) -> None:
    (tmp_path / "train.py").write_text("print('found')")
    empty = tmp_path / "bin"
    empty.mkdir()

    launched = launching.Launched(tmp_path, "python", "train.py", PATH=str(empty))

    assert launched.end()[0] == 0
    assert launched.out == b"found\n"


def test_sigterm_reaches_the_run_and_75_comes_through(tmp_path: pathlib.Path) -> None:
    script = """
        import time
        from trainshed_trainer import Run
        with Run() as run:
            for number in run.steps(range(10_000), samples=1):
                print("step", flush=True)
                time.sleep(0.01)
    """
    launched = launching.script(tmp_path, script)
    assert launched.line() == b"step\n"

    launched.process.send_signal(signal.SIGTERM)
    code, account, _ = launched.end()

    assert code == 75
    assert account["outcome"] == "stopped"


def test_a_killed_process_is_told_by_its_signal(tmp_path: pathlib.Path) -> None:
    code, account, _, _ = python(tmp_path, "import os; os.kill(os.getpid(), 11)")

    assert code == 128 + 11
    assert "SIGSEGV" in account["message"]


def test_much_output_passes_through(tmp_path: pathlib.Path) -> None:
    script = "import sys; sys.stderr.write('x' * 5_000_000); sys.exit(3)"

    code, account, _, err = python(tmp_path, script)

    assert (code, len(err) >= 5_000_000) == (1, True)
    assert account["outcome"] == "failed"


def test_output_that_is_no_text(tmp_path: pathlib.Path) -> None:
    script = "import sys; sys.stderr.buffer.write(bytes(range(256)) * 20); sys.exit(1)"

    code, account, _, _ = python(tmp_path, script)

    assert (code, account["outcome"]) == (1, "failed")


def test_a_grandchild_that_holds_the_log_open(tmp_path: pathlib.Path) -> None:
    script = """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("gone")
    """
    code, account, _, _ = python(tmp_path, script)

    assert (code, account["outcome"]) == (0, "succeeded")
