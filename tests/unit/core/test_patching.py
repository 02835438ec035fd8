"""The merge patch, against RFC 7386's own algorithm."""

from typing import Any

import hypothesis
from hypothesis import strategies

from tests.unit.core import merging
from trainshed.core import patching

SCALARS = strategies.booleans() | strategies.integers(-5, 5) | strategies.text(max_size=2)
KEYS = strategies.sampled_from("abc")
# A null can't be stored: the API server drops it, and in a patch it means removal.
DOCUMENTS = strategies.dictionaries(
    KEYS,
    strategies.recursive(
        SCALARS,
        lambda inner: (
            strategies.lists(inner, max_size=2) | strategies.dictionaries(KEYS, inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)


@hypothesis.given(before=DOCUMENTS, after=DOCUMENTS)
def test_the_patch_leads_from_one_document_to_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert merging.apply(before, patching.merge_patch(before, after)) == after


@hypothesis.given(document=DOCUMENTS)
def test_the_patch_between_equal_documents_is_empty(document: dict[str, Any]) -> None:
    assert patching.merge_patch(document, document) == {}


@hypothesis.given(before=DOCUMENTS, after=DOCUMENTS)
def test_applying_the_patch_twice_is_applying_it_once(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    patch = patching.merge_patch(before, after)

    assert merging.apply(merging.apply(before, patch), patch) == after


def test_only_what_changed_is_sent() -> None:
    before = {"phase": "Starting", "image": {"ref": "x", "key": "k"}, "conditions": [{"type": "A"}]}
    after = {"phase": "Running", "image": {"ref": "x"}, "conditions": [{"type": "A"}]}

    assert patching.merge_patch(before, after) == {"phase": "Running", "image": {"key": None}}
