import pathlib

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


def test_a_program_is_ended_with_what_waits_for_it(tmp_path: pathlib.Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    pid = tmp_path / "pid"
    script = f"echo $$ > {pid}; echo started; exec sleep 600"
    with pytest.raises(KeyboardInterrupt):
        RUN.logged(["sh", "-c", script], log=tmp_path / "log", on_line=interrupt)
    assert not pathlib.Path("/proc", pid.read_text().strip()).exists()


def test_a_missing_program_is_named(tmp_path: pathlib.Path) -> None:
    argv = ["no-such-program"]
    with pytest.raises(errors.Unavailable, match="no-such-program is not installed"):
        RUN.output(argv)
    with pytest.raises(errors.Unavailable, match="no-such-program is not installed"):
        RUN.logged(argv, log=tmp_path / "log", on_line=lambda line: None)


def test_output_of_a_failed_program_is_an_error_with_what_it_said() -> None:
    with pytest.raises(errors.CommandFailed, match=r"(?s)ended with code 2.*it broke"):
        RUN.output(["sh", "-c", "echo it broke >&2; exit 2"])
