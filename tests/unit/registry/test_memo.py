"""What was found a moment ago, and no longer."""

from tests.unit.registry import faulty
from trainshed.registry import memo


def test_a_value_is_known_until_its_time_is_up() -> None:
    clock = faulty.Clock()
    kept = memo.Memo[str, int](clock, seconds=60)
    kept.put("a", 1)

    clock.now += 59
    assert kept.get("a") == 1
    clock.now += 1
    assert kept.get("a") is None


def test_putting_a_value_begins_its_time_anew() -> None:
    clock = faulty.Clock()
    kept = memo.Memo[str, int](clock, seconds=60)
    kept.put("a", 1)
    clock.now += 59
    kept.put("a", 2)
    clock.now += 59

    assert kept.get("a") == 2


def test_the_oldest_gives_way() -> None:
    kept = memo.Memo[int, int](faulty.Clock(), seconds=60, room=3)
    for number in (1, 2, 3, 1, 4):
        kept.put(number, number)

    assert [kept.get(number) for number in (1, 2, 3, 4)] == [1, None, 3, 4]
