"""Which images are let go: never one that is named, or that one needs which stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainshed.core import retention

DAYS = 30


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def key(number: int) -> str:
    return f"b-{number:032x}"


def manifest(
    number: int, *, tags: tuple[str, ...] = (), children: tuple[int, ...] = (), subject: int = 0
) -> retention.Manifest:
    return retention.Manifest(
        digest(number),
        tags or (key(number),),
        tuple(map(digest, children)),
        digest(subject) if subject else "",
    )


def doomed(*found: retention.Manifest, names: set[str] = frozenset(), age: int = DAYS) -> set[int]:  # type: ignore[assignment]
    """Return the numbers of what goes of manifests that were all used `age` days ago."""
    used = {each.digest: 100 - age for each in found}
    verdict = retention.judge(found, names=names, used=used, today=100, days=DAYS)
    return {int(each.removeprefix("sha256:"), 16) for each in verdict.doomed}


def test_what_nobody_has_named_for_days_goes() -> None:
    assert doomed(manifest(1)) == {1}
    assert doomed(manifest(1), age=DAYS - 1) == set()


def test_what_is_named_stays_by_its_digest_or_its_key() -> None:
    assert doomed(manifest(1), names={digest(1)}) == set()
    assert doomed(manifest(1), names={key(1)}) == set()
    marked = manifest(1, tags=(f"{key(1)}-abc", f"o-{7:032x}-20261129"))
    assert doomed(marked, names={key(1)}) == set()


def test_a_manifest_goes_or_stays_with_all_its_tags() -> None:
    both = manifest(1, tags=(key(1), f"o-{9:032x}"))

    assert doomed(both, names={f"o-{9:032x}"}) == set()


def test_an_index_keeps_what_it_is_made_of() -> None:
    index, child = manifest(1, children=(2, 3)), manifest(2)

    assert doomed(index, child, names={digest(1)}) == set()
    # One of them is named, as a node runs it.
    assert doomed(index, child, names={digest(3)}) == set()


def test_an_index_takes_its_children_along() -> None:
    verdict = retention.judge(
        [manifest(1, children=(2, 3))], names=set(), used={digest(1): 0}, today=99, days=DAYS
    )

    assert verdict.doomed == (digest(1), digest(2), digest(3))


def test_a_child_that_another_index_has_stays() -> None:
    old, new = manifest(1, children=(3,)), manifest(2, children=(3,))

    assert doomed(old, new, names={digest(2)}) == {1}


def test_what_tells_of_an_image_stays_as_long_as_it() -> None:
    image, told = manifest(1), manifest(2, subject=1, tags=("sha256-x",))

    assert doomed(image, told, names={digest(1)}) == set()
    assert doomed(image, told) == {1, 2}


def test_what_tells_of_a_part_of_an_index_stays_with_it() -> None:
    index, told = manifest(1, children=(3,)), manifest(2, subject=3)

    assert doomed(index, told, names={digest(1)}) == set()


def test_what_is_seen_for_the_first_time_is_new() -> None:
    verdict = retention.judge([manifest(1)], names=set(), used={}, today=100, days=DAYS)

    assert (verdict.doomed, verdict.used) == ((), {digest(1): 100})


def test_a_day_on_which_it_is_named_begins_its_age_anew() -> None:
    old = {digest(1): 0}
    seen = retention.judge([manifest(1)], names={digest(1)}, used=old, today=100, days=DAYS)
    later = retention.judge([manifest(1)], names=set(), used=seen.used, today=129, days=DAYS)
    last = retention.judge([manifest(1)], names=set(), used=later.used, today=130, days=DAYS)

    assert (later.doomed, last.doomed) == ((), (digest(1),))


def test_a_clock_that_was_ahead_keeps_nothing_for_ever() -> None:
    ahead = {digest(1): 10_000}
    seen = retention.judge([manifest(1)], names=set(), used=ahead, today=100, days=DAYS)

    assert seen.used == {digest(1): 100}


def test_names_are_found_wherever_they_stand() -> None:
    texts = [
        f'{{"image":{{"ref":"r/ns/a@{digest(1)}","key":"{key(2)}"}}}}'.encode(),
        f"{digest(3)},{digest(4)}".encode(),
        b"sha256:short nothing b-0",
    ]

    assert retention.named(texts) == {digest(1), key(2), digest(3), digest(4)}


NUMBERS = st.integers(1, 8)
FOUND = st.lists(
    st.builds(
        manifest,
        NUMBERS,
        tags=st.lists(NUMBERS.map(key), min_size=1, max_size=2).map(tuple),
        children=st.lists(NUMBERS, max_size=3).map(tuple),
        subject=st.integers(0, 8),
    ),
    unique_by=lambda each: each.digest,
    max_size=8,
)
NAMES = st.frozensets(NUMBERS.map(digest) | NUMBERS.map(key), max_size=4)
USED = st.dictionaries(NUMBERS.map(digest), st.integers(0, 120), max_size=8)


@given(found=FOUND, names=NAMES, used=USED, days=st.integers(1, 60))
def test_nothing_that_is_needed_ever_goes(
    found: list[retention.Manifest],
    names: frozenset[str],
    used: dict[str, int],
    days: int,
) -> None:
    verdict = retention.judge(found, names=names, used=used, today=100, days=days)
    gone = set(verdict.doomed)
    known = {each.digest: each for each in found}

    assert not gone & names
    assert len(gone) == len(verdict.doomed), "each once"
    for each in found:
        if each.digest in gone:
            assert 100 - used.get(each.digest, 100) >= days
            assert not names & set(each.tags)
        else:
            assert not gone & set(each.children), "what stays keeps its parts"
            assert each.digest in verdict.used
    for each in found:
        assert each.subject not in known or each.subject in gone or each.digest not in gone
    assert not gone & verdict.used.keys()


@given(found=FOUND, names=NAMES, used=USED, days=st.integers(1, 60))
def test_a_second_look_lets_nothing_more_go(
    found: list[retention.Manifest], names: frozenset[str], used: dict[str, int], days: int
) -> None:
    first = retention.judge(found, names=names, used=used, today=100, days=days)
    left = [each for each in found if each.digest not in first.doomed]
    second = retention.judge(left, names=names, used=first.used, today=100, days=days)

    assert second.doomed == ()
