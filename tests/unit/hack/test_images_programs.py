import os
import pathlib
import select

import pytest

from hack.images import errors, programs

RUN = programs.Programs()


def test_a_logged_program_leaves_its_lines_in_the_log(tmp_path: pathlib.Path) -> None:
    log, seen = tmp_path / "logs" / "image.log", list[str]()
    RUN.logged(["sh", "-c", "echo one; echo two >&2"], log=log, on_line=seen.append)
    assert seen == ["one", "two"]
    assert log.read_text() == "$ sh -c echo one; echo two >&2\none\ntwo\n"


def test_a_failure_shows_the_last_lines_and_where_the_others_are(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "image.log"
    script = "seq 30; echo E: no space; exit 3"
    with pytest.raises(errors.CommandFailed) as caught:
        RUN.logged(["sh", "-c", script], log=log, on_line=lambda line: None)
    text = str(caught.value)
    assert "`sh` ended with code 3" in text
    assert "E: no space" in text
    assert str(log) in text
    assert "\n  5\n" not in text


def test_a_program_and_its_children_end_with_what_waits_for_them(tmp_path: pathlib.Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3>{held}; sleep 600 & echo started; wait"
    with pytest.raises(KeyboardInterrupt):
        RUN.logged(["sh", "-c", script], log=tmp_path / "log", on_line=interrupt)
    # The pipe ends when the last process that holds it does.
    assert select.select([reader], [], [], 10)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_a_missing_program_is_named(tmp_path: pathlib.Path) -> None:
    argv = ["no-such-program"]
    with pytest.raises(errors.Unavailable, match="no-such-program is not installed"):
        RUN.output(argv)
    with pytest.raises(errors.Unavailable, match="no-such-program is not installed"):
        RUN.logged(argv, log=tmp_path / "log", on_line=lambda line: None)


def test_output_of_a_failed_program_is_an_error_with_what_it_said() -> None:
    with pytest.raises(errors.CommandFailed, match=r"(?s)ended with code 2.*it broke"):
        RUN.output(["sh", "-c", "echo it broke >&2; exit 2"])
