"""Seconds of a build, by phase."""

from __future__ import annotations

import pytest

from trainshed.builds import measures

Phase = measures.Phase


class Clock:
    """A clock that a test moves."""

    now = 10.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def test_what_is_done_twice_is_added_up_and_what_is_not_done_is_not_there() -> None:
    clock = Clock()
    watch = measures.Stopwatch(clock)
    for seconds in (1.0, 2.0):
        with watch.phase(Phase.PACK):
            clock.now += seconds
    assert watch.seconds == {"pack": 3.0}


def test_what_fails_has_taken_its_time_too() -> None:
    clock = Clock()
    watch = measures.Stopwatch(clock)

    def fail() -> None:
        with watch.phase(Phase.FETCH):
            clock.now += 4.0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert watch.seconds == {"fetch": 4.0}
