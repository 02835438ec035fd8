"""What a command may have left in place of its account."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from images.trainer.tests import launching

pytestmark = pytest.mark.processes
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
Ended = tuple[int, Any]


def ended(folder: pathlib.Path, left: str) -> Ended:
    """Return the exit code and the account of a launcher whose command leaves this."""
    (folder / "left").write_text(HOSTILE.get(left, ""), encoding="utf-8")
    leave = 'cat left >"$TRAINSHED_ACCOUNT_FILE"; exit 1'
    (folder / "train.sh").write_text(NO_FILES.get(left, leave), encoding="utf-8")
    code, account, _ = launching.Launched(folder, "sh", "train.sh").end()
    return code, account


@pytest.mark.parametrize("left", HOSTILE)
def test_whatever_the_command_left_the_account_is_sound(tmp_path: pathlib.Path, left: str) -> None:
    code, account = ended(tmp_path, left)

    assert (code, account["outcome"], account["exitCode"], account["v"]) == (1, "failed", 1, 1)
    assert isinstance(account["endTime"], float)


@pytest.mark.parametrize("left", NO_FILES)
def test_an_account_that_is_no_file_is_not_waited_for(tmp_path: pathlib.Path, left: str) -> None:
    code, account = ended(tmp_path, left)

    assert (code, account["outcome"]) == (0, "succeeded")
