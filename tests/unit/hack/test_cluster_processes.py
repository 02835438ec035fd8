import dataclasses
import os
import pathlib
import signal
from collections.abc import Iterator

import pytest

from hack.cluster import processes, waiting

SLEEP = processes.Component("sleeper", ("/bin/sleep", "600"))


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL_SECONDS", 0.005)


@pytest.fixture
def supervisor(tmp_path: pathlib.Path) -> Iterator[processes.Supervisor]:
    made = processes.Supervisor(
        pids=tmp_path / "pids", logs=tmp_path / "logs", mark=str(tmp_path / "state")
    )
    yield made
    for name in made.names():
        made.stop(name, grace=0)


def pid_of(supervisor: processes.Supervisor) -> int:
    found = supervisor.record("sleeper")
    assert found is not None
    return found.pid


def test_a_started_component_is_found_again_by_another_command(
    supervisor: processes.Supervisor, tmp_path: pathlib.Path
) -> None:
    supervisor.start(SLEEP)
    later = processes.Supervisor(pids=tmp_path / "pids", logs=tmp_path / "logs", mark="x")
    assert pid_of(later) == pid_of(supervisor)
    assert later.current(SLEEP)


def test_a_changed_command_line_is_no_longer_current(supervisor: processes.Supervisor) -> None:
    supervisor.start(SLEEP)
    assert not supervisor.current(dataclasses.replace(SLEEP, argv=("/bin/sleep", "601")))


def test_a_changed_input_is_no_longer_current(
    supervisor: processes.Supervisor, tmp_path: pathlib.Path
) -> None:
    config = tmp_path / "config"
    config.write_text("one", encoding="utf-8")
    component = dataclasses.replace(SLEEP, inputs=(config,))
    supervisor.start(component)
    config.write_text("two", encoding="utf-8")
    assert not supervisor.current(component)


def test_starting_again_replaces_the_process(supervisor: processes.Supervisor) -> None:
    supervisor.start(SLEEP)
    first = pid_of(supervisor)
    supervisor.start(SLEEP)
    assert processes.start_time(first) is None
    assert pid_of(supervisor) != first


def test_a_process_that_was_killed_is_down(supervisor: processes.Supervisor) -> None:
    supervisor.start(SLEEP)
    os.kill(pid_of(supervisor), signal.SIGKILL)
    waiting.until("its end", lambda: "up" if supervisor.record("sleeper") else None, seconds=5)
    assert supervisor.names() == ["sleeper"]
    assert not supervisor.current(SLEEP)


def test_a_pid_that_another_process_has_now_is_not_ours() -> None:
    start = processes.start_time(os.getpid())
    assert start is not None
    ours = processes.Record(pid=os.getpid(), start=start, boot=processes.boot_id(), digest="")
    assert ours.alive()
    assert not dataclasses.replace(ours, start=start - 1).alive()
    assert not dataclasses.replace(ours, boot="an earlier boot").alive()


def test_stopping_does_not_touch_a_process_that_took_the_pid(
    supervisor: processes.Supervisor, tmp_path: pathlib.Path
) -> None:
    supervisor.start(SLEEP)
    path = tmp_path / "pids" / "sleeper.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"start": ', '"start": 1'), encoding="utf-8")
    pid = next(stray.pid for stray in supervisor.strays())
    assert not supervisor.stop("sleeper")
    assert processes.start_time(pid) is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]"])
def test_a_torn_pid_file_means_down(
    supervisor: processes.Supervisor, tmp_path: pathlib.Path, text: str
) -> None:
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "sleeper.json").write_text(text, encoding="utf-8")
    assert supervisor.record("sleeper") is None


def test_a_process_without_its_pid_file_is_found_by_its_mark(
    supervisor: processes.Supervisor, tmp_path: pathlib.Path
) -> None:
    supervisor.start(SLEEP)
    pid = pid_of(supervisor)
    (tmp_path / "pids" / "sleeper.json").unlink()
    waiting.until("its mark", lambda: None if supervisor.strays() else "not seen", seconds=5)
    assert [stray.pid for stray in supervisor.strays()] == [pid]
    os.kill(pid, signal.SIGKILL)


def test_a_process_that_ignores_the_request_to_end_is_forced(
    supervisor: processes.Supervisor,
) -> None:
    script = "trap '' TERM; echo up; sleep 600"
    supervisor.start(processes.Component("sleeper", ("/bin/sh", "-c", script)))
    waiting.until(
        "its trap", lambda: None if "up" in supervisor.tail("sleeper") else "not set", seconds=5
    )
    assert supervisor.stop("sleeper", grace=0.02)
    for stray in supervisor.strays():
        os.kill(stray.pid, signal.SIGKILL)


def test_the_end_of_the_log_tells_why_a_component_ended(
    supervisor: processes.Supervisor,
) -> None:
    supervisor.start(processes.Component("sleeper", ("/bin/sh", "-c", "echo no such flag >&2")))
    waiting.until("its end", lambda: "up" if supervisor.record("sleeper") else None, seconds=5)
    assert "no such flag" in supervisor.obituary("sleeper")
