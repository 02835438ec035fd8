"""What a command may have left in place of its account."""

from __future__ import annotations

import pathlib

import pytest

from images.trainer.tests import launching

HOSTILE = {
    "deep": "'{\"account\": ' + '[' * 100_000",
    "deep objects": "'{\"account\":{\"metrics\":' + '{\"a\":' * 900 + '1' + '}' * 900 + '}}'",
    "huge": "'{\"account\": {\"reason\": \"' + 'x' * 5_000_000 + '\"}}'",
    "long texts": "'{\"account\": {\"reason\": \"' + 'x' * 50_000 + '\"}}'",
    "many fields": "__import__('json').dumps({'account': {f'k{n}': n for n in range(3000)}})",
    "large numbers": "'{\"account\": {\"steps\": ' + '9' * 4000 + ', \"samples\": 1e999}}'",
    "not a number": '\'{"account": {"loss": NaN, "metrics": {"a": [NaN]}}}\'',
    "wrong types": '\'{"account": {"class": {}, "reason": [1], "outcome": 7, "v": "x"}}\'',
    "wrong progress": '\'{"progress": {"step": "x", "account": 1, "attempt": "y"}}\'',
    "wrong claims": '\'{"account": {"exitCode": 0, "outcome": "succeeded", "endTime": "x"}}\'',
}


@pytest.mark.parametrize("left", HOSTILE.values(), ids=HOSTILE)
def test_whatever_the_command_left_the_account_is_sound(tmp_path: pathlib.Path, left: str) -> None:
    code, account, _ = launching.script(
        tmp_path,
        f"""
        import os, sys
        open(os.environ["TRAINSHED_ACCOUNT_FILE"], "w").write({left})
        sys.exit(1)
        """,
    ).end()

    assert (code, account["outcome"], account["exitCode"], account["v"]) == (1, "failed", 1, 1)
    assert isinstance(account["endTime"], float)


@pytest.mark.parametrize("make", ["os.mkfifo(path)", "os.mkdir(path)", "os.symlink(path, path)"])
def test_an_account_that_is_no_file_is_not_waited_for(tmp_path: pathlib.Path, make: str) -> None:
    text = f"import os; path = os.environ['TRAINSHED_ACCOUNT_FILE']; {make}"
    code, account, _ = launching.script(tmp_path, text).end()

    assert (code, account["outcome"]) == (0, "succeeded")
