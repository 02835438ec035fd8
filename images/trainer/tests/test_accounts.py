from __future__ import annotations

import json
import math
import pathlib

from hypothesis import given
from hypothesis import strategies as st

from trainshed_trainer import accounts

text = st.text(st.characters(), max_size=6000)
values = st.one_of(st.floats(), st.integers(), text, st.none())


@given(st.dictionaries(st.sampled_from(["message", "logTail", "loss", "reason"]), values))
def test_an_account_always_fits_and_is_json(found: dict[str, object]) -> None:
    rendered = accounts.render({"v": 1, "outcome": "failed", **found})

    assert len(rendered.encode()) <= accounts.MAX_BYTES
    assert json.loads(rendered)["outcome"] == "failed"


def test_the_end_of_a_log_is_what_is_kept() -> None:
    rendered = accounts.render({"logTail": "x" * 9000 + "the end"})

    assert json.loads(rendered)["logTail"].endswith("the end")


def test_what_json_cannot_hold_is_none() -> None:
    assert accounts.finite({"loss": math.nan, "rate": math.inf}) == {"loss": None, "rate": None}


def test_a_hostile_account_file_is_no_account(tmp_path: pathlib.Path) -> None:
    for number, content in enumerate((b"[1]", b"{", b"\xff\xfe", b"[" * 100_000)):
        file = tmp_path / str(number)
        file.write_bytes(content)
        assert accounts.read(str(file)) is None
