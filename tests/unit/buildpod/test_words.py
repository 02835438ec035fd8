"""What a build pod leaves behind as its last words, and what the operator makes of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import strategies

from tests import builders
from trainshed.buildpod import tails, words
from trainshed.core import observed, podbuilds

TEXTS = strategies.text(max_size=6000)


def heard(said: str) -> observed.Refusal:
    """Return what the operator makes of a pod's last words."""
    pod = builders.pod().exited(2, said).view()
    found = podbuilds.outcome(builders.job().view(), [pod], repository="r", now=builders.T0)
    assert isinstance(found, observed.Refusal)
    return found


def test_the_end_of_the_log_comes_with_a_refusal() -> None:
    said = words.refused("DockerfileFailed", "mend it", terminal=True, log="STEP 2\nno such file\n")
    assert heard(said).log_tail == "STEP 2\nno such file"


def test_of_a_long_log_the_end_is_told_and_of_a_long_message_the_beginning() -> None:
    said = words.refused("X", "a" + "b" * 9000, terminal=True, log="c" * 9000 + "\nthe cause")
    assert heard(said).message.startswith("ab")
    assert heard(said).log_tail.endswith("c\nthe cause")
    assert len(heard(said).log_tail) > 1000


@hypothesis.given(message=TEXTS, log=TEXTS)
@hypothesis.example(message="\x01" * 5000, log="\x01" * 5000)
@hypothesis.example(message="\N{SNOWMAN}" * 5000, log="\U0001f600" * 5000)
def test_last_words_fit_into_a_termination_message_whatever_is_said(message: str, log: str) -> None:
    said = words.refused("RequirementsConflict", message, terminal=True, log=log)
    assert len(said.encode()) <= 4096
    assert json.loads(said)["refusal"]["reason"] == "RequirementsConflict"


@pytest.mark.parametrize("log", ["1", "[]", "null", '{"a": 1}'])
def test_a_log_that_is_no_text_is_none(log: str) -> None:
    said = f'{{"refusal": {{"reason": "X", "message": "m", "terminal": true, "log": {log}}}}}'
    assert heard(said).log_tail == ""


def test_a_log_holds_nothing_that_a_status_can_not() -> None:
    said = words.refused("X", "m", terminal=True, log="a\x1b[1mb\n\ud800c\x00")
    assert heard(said).log_tail == "a [1mb\n c"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    found = logging.Logger("trainshed.buildpod", logging.INFO)
    yield found
    found.handlers.clear()


def test_the_last_lines_of_a_log_are_kept_and_no_more(log: logging.Logger) -> None:
    tail = tails.Tail()
    log.addHandler(tail)
    for number in range(10_000):
        log.info("line %d", number)

    assert tail.text.endswith("line 9998\nline 9999")
    assert len(tail.text) <= tails.KEPT


def test_a_trace_is_for_the_log_alone(log: logging.Logger) -> None:
    tail = tails.Tail()
    log.addHandler(tail)
    try:
        raise ValueError("a password")
    except ValueError:
        log.exception("the build broke")

    assert tail.text == "the build broke"
