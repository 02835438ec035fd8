from __future__ import annotations

import io

from trainshed_trainer import bars


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_fits() -> None:
    stream, clock = Terminal(), Clock()
    bar = bars.Bar(stream, clock=clock)

    for number in range(50):
        bar.update(lambda number=number: f"step {number} " + "x" * 500, number / 50)  # type: ignore[misc]
        clock.now += 0.0625
    bar.update(lambda: "done", 1.0, last=True)

    drawn = stream.getvalue().split("\r\x1b[K")[1:]
    assert len(drawn) == 26
    assert all(len(line) < 200 for line in drawn)
    assert drawn[-1].endswith("100 %  done\n")


def test_a_file_gets_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    bar = bars.Bar(stream, clock=clock)

    for number in range(21):
        bar.update(lambda number=number: f"step {number}", None)  # type: ignore[misc]
        clock.now += 1.0

    assert stream.getvalue() == "step 0\nstep 10\nstep 20\n"


def test_a_terminal_that_is_gone_does_not_end_the_training() -> None:
    stream = io.StringIO()
    bar = bars.Bar(stream)
    stream.close()

    bar.update(lambda: "x", 1.5, last=True)
