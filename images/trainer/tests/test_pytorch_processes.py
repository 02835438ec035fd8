"""Two processes on loopback, by torchrun's variables, train as one does."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import signal

import pytest

from images.trainer.tests import jobs
from trainshed_trainer import errors, schema

pytestmark = pytest.mark.torch
Job = functools.partial(jobs.Job, "pytorch")


def test_two_processes_train_as_one_does(tmp_path: pathlib.Path) -> None:
    alone, pair = Job(tmp_path / "one", world=1), Job(tmp_path / "two", world=2)

    # Adam would make of each rounding in a sum of processes a step of its own size.
    plain = {"name": "sgd", "learningRate": 0.02, "weightDecay": 0}
    (one,) = alone.end(alone.start(epochs=3, optimizer=plain))
    first, second = pair.end(pair.start(epochs=3, optimizer=plain))

    assert [each["outcome"] for each in (one, first, second)] == ["succeeded"] * 3
    assert first["steps"] == second["steps"] == one["steps"] == 3 * 23
    assert first["samples"] == one["samples"] == 3 * 1438
    assert second["samples"] == 0
    assert first["metrics"] == second["metrics"]
    assert first["metrics"]["accuracy"] == pytest.approx(one["metrics"]["accuracy"], abs=0.01)
    assert (first["loss"] + second["loss"]) / 2 == pytest.approx(one["loss"], abs=1e-5)
    assert first["checkpoint"]["lastStep"] == 69


def test_one_that_is_told_to_stop_stops_all_and_all_go_on(tmp_path: pathlib.Path) -> None:
    job = Job(tmp_path / "job", world=2, shown=True)
    processes = job.start(epochs=100_000)
    next(line for line in processes[0].stderr if b"step 1 " in line)
    processes[1].send_signal(signal.SIGTERM)

    stopped = job.end(processes)
    steps = stopped[0]["steps"]
    resumed = job.end(job.start(maxSteps=steps + 5))

    assert [each.returncode for each in processes] == [errors.EXIT_STOPPED] * 2
    assert [each["outcome"] for each in stopped] == ["stopped"] * 2
    assert stopped[1]["steps"] == steps
    assert [each["steps"] for each in resumed] == [steps + 5] * 2
    assert resumed[0]["checkpoint"]["resumedFromStep"] == steps


def test_two_that_are_stopped_and_go_on_end_as_if_they_had_not_been(
    tmp_path: pathlib.Path,
) -> None:
    dropping = {"name": "cnn", "params": {"channels": [4], "hidden": 16, "dropout": 0.5}}
    asked = {"name": "sgd", "learningRate": 0.02, "schedule": "constant"}
    parts = Job(tmp_path / "parts", world=2, shown=True)
    processes = parts.start(model=dropping, optimizer=asked, epochs=100_000)
    next(line for line in processes[0].stderr if b"step 1 " in line)
    processes[1].send_signal(signal.SIGTERM)
    parts.end(processes)
    stopped = parts.account(1)["steps"]
    ended = parts.end(parts.start(model=dropping, optimizer=asked, maxSteps=stopped + 4))

    whole = Job(tmp_path / "whole", world=2)
    straight = whole.end(whole.start(model=dropping, optimizer=asked, maxSteps=stopped + 4))

    for one, other in zip(ended, straight, strict=True):
        assert one["outcome"] == other["outcome"] == "succeeded"
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-6)
        assert one["heldOutLoss"] == pytest.approx(other["heldOutLoss"], abs=1e-6)


def test_one_whose_peer_is_lost_says_so(tmp_path: pathlib.Path) -> None:
    job = Job(tmp_path / "job", world=2, shown=True)
    processes = job.start(epochs=100_000)
    next(line for line in processes[0].stderr if b"step 1 " in line)
    processes[1].send_signal(signal.SIGKILL)
    processes[1].communicate(timeout=30)
    processes[0].communicate(timeout=120)

    account = job.account(0)

    assert (account["class"], account["reason"]) == ("CommTimeout", "PeersLost")
    assert processes[0].returncode == errors.EXIT_USER_CODE


def test_what_is_due_in_one_is_kept_by_all_at_the_next_call_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch import distributed

    from trainshed_trainer.training.pytorch import devices, processes

    meeting = {
        "RANK": 0,
        "WORLD_SIZE": 1,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": jobs.free_port(),
    }
    for name, value in meeting.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    group = processes.Group(devices.choose(schema.read({}).training, local=0))
    with contextlib.closing(group):
        # It is due until it is kept, which is after the call that says so.
        told = [group.stops(False, due=due) for due in (True, True, False, False)]
    distributed.destroy_process_group()

    assert told == [(False, False), (False, True), (False, False), (False, False)]
