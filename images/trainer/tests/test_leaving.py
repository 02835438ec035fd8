"""A process of ours ends at once, by the code that it has come to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return 3", 3, ""),
        ("raise SystemExit(75)", 75, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('why')", 1, "why"),
        ("raise ValueError('boom')", 1, "ValueError: boom"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
    ],
)
def test_the_code_is_what_python_would_make_of_it(body: str, code: int, said: str) -> None:
    # A thread that never ends would hold up an end by Python's own ways.
    text = (
        "import threading\nfrom trainshed_trainer import leaving\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        f"def main():\n    print('flushed', end='')\n    {body}\nleaving.after(main)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.returncode, done.stdout) == (code, "flushed")
    assert said in done.stderr
