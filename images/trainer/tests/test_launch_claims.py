"""What a command may have left in place of its account."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from images.trainer.tests import launching
from trainshed_trainer import accounts

HOSTILE = {
    "a list": "[1]",
    "torn": "{",
    "a number": '{"account": 3}',
    "a class that is a list": '{"account": {"class": [1]}}',
    "deep": '{"account": ' + "[" * 100_000,
    "deep objects": '{"account":{"metrics":' + '{"a":' * 900 + "1" + "}" * 900 + "}}",
    "huge": '{"account": {"reason": "' + "x" * 5_000_000 + '"}}',
    "long texts": '{"account": {"reason": "' + "x" * 50_000 + '"}}',
    "many fields": json.dumps({"account": {f"k{n}": n for n in range(3000)}}),
    "large numbers": '{"account": {"steps": ' + "9" * 4000 + ', "samples": 1e999}}',
    "not a number": '{"account": {"loss": NaN, "metrics": {"a": [NaN]}}}',
    "wrong types": '{"account": {"class": {}, "reason": [1], "outcome": 7, "v": "x"}}',
    "wrong progress": '{"progress": {"step": "x", "account": 1, "attempt": "y"}}',
    "wrong claims": '{"account": {"exitCode": 0, "outcome": "succeeded", "endTime": "x"}}',
}
NO_FILES = {
    "a pipe": 'mkfifo "$TRAINSHED_ACCOUNT_FILE"',
    "a folder": 'mkdir "$TRAINSHED_ACCOUNT_FILE"',
    "a link to itself": 'ln -s "$TRAINSHED_ACCOUNT_FILE" "$TRAINSHED_ACCOUNT_FILE"',
}
# Each launcher is a process of its own; only to import it anew for each case takes long.
LAUNCHERS = """
import os, sys
from trainshed_trainer import launch
for name in sorted(os.listdir()):
    launcher = os.fork()
    if launcher == 0:
        os.chdir(name)
        os.environ["TRAINSHED_TERMINATION_LOG"] = os.path.abspath("termination-log")
        sys.exit(launch.main(["--", "sh", "train.sh"]))
    print(os.waitstatus_to_exitcode(os.waitpid(launcher, 0)[1]), name)
"""
Ended = tuple[int, Any]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Return the exit code and the account of a launcher for each case."""
    root = tmp_path_factory.mktemp("claims")
    for name in [*HOSTILE, *NO_FILES]:
        folder = root / name
        folder.mkdir()
        (folder / "left").write_text(HOSTILE.get(name, ""), encoding="utf-8")
        leave = 'cat left >"$TRAINSHED_ACCOUNT_FILE"; exit 1'
        (folder / "train.sh").write_text(NO_FILES.get(name, leave), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-uc", LAUNCHERS],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(launching.LIBRARY)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    codes = dict(reversed(line.split(" ", 1)) for line in done.stdout.splitlines())
    return {name: (int(code), _account(root / name)) for name, code in codes.items()}


def _account(folder: pathlib.Path) -> Any:
    text = (folder / "termination-log").read_text(encoding="utf-8")
    assert len(text.encode()) <= accounts.MAX_BYTES
    return json.loads(text)


@pytest.mark.parametrize("left", HOSTILE)
def test_whatever_the_command_left_the_account_is_sound(
    ended: Mapping[str, Ended], left: str
) -> None:
    code, account = ended[left]

    assert (code, account["outcome"], account["exitCode"], account["v"]) == (1, "failed", 1, 1)
    assert isinstance(account["endTime"], float)


@pytest.mark.parametrize("left", NO_FILES)
def test_an_account_that_is_no_file_is_not_waited_for(
    ended: Mapping[str, Ended], left: str
) -> None:
    code, account = ended[left]

    assert (code, account["outcome"]) == (0, "succeeded")
