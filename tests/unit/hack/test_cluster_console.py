import io
import re
import threading

import pytest
import rich.console

from hack.cluster import console


def plain() -> tuple[io.StringIO, console.Console]:
    written = io.StringIO()
    output = rich.console.Console(file=written, force_terminal=False, width=200)
    # No step of these is so long that it would say how far it is, on however busy a machine.
    return written, console.Console(output, heartbeat=60)


class Heard(io.StringIO):
    """Lets a test wait for a line."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part
        self.heard = threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        if self._part in self.getvalue():
            self.heard.set()
        return count


def test_a_finished_step_is_one_line_with_its_time() -> None:
    written, shown = plain()
    with shown.step("API server"):
        pass
    (line,) = written.getvalue().splitlines()
    assert re.fullmatch(r"  ok API server \d+\.\d s", line)


def test_a_long_step_says_in_a_log_how_far_it_is() -> None:
    written = Heard("… building: 12 of 1900 packages (0 s)")
    output = rich.console.Console(file=written, force_terminal=False, width=200)
    shown = console.Console(output, heartbeat=0.01)
    with shown.step("building") as step:
        step.update("12 of 1900 packages")
        assert written.heard.wait(timeout=5)


def test_a_failed_step_is_not_called_ok() -> None:
    written, shown = plain()
    with pytest.raises(ValueError, match="broken"), shown.step("API server"):
        raise ValueError("broken")
    assert "ok" not in written.getvalue()


def test_brackets_in_a_text_are_no_markup() -> None:
    written, shown = plain()
    with shown.step("etcd [/red]"):
        pass
    shown.error("no [bold] file")
    shown.note("a [dim] thing")
    assert "etcd [/red]" in written.getvalue()
    assert "no [bold] file" in written.getvalue()
    assert "a [dim] thing" in written.getvalue()


def test_the_total_closes_a_command() -> None:
    written, shown = plain()
    shown.total("up")
    assert written.getvalue() == "up (0.0 s)\n"
