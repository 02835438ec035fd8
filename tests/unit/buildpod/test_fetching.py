"""The code of an order, wherever it comes from."""

from __future__ import annotations

from tests import facts
from trainshed.buildpod import fetching
from trainshed.builds import embedding


def test_code_that_the_operator_has_read_comes_with_the_order() -> None:
    files = {"train.py": b"print(1)", "data/table.bin": bytes(range(256))}

    fetched = fetching.fetch(facts.pod_order(files=embedding.pack(files)), facts.places())

    assert fetched == fetching.Fetched(files)


def test_an_order_of_a_built_in_model_has_no_code() -> None:
    assert fetching.fetch(facts.pod_order(), facts.places()) == fetching.Fetched({})
