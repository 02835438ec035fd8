"""Two processes on loopback, by TF_CONFIG, train as one does."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from images.trainer.tests import forking, jobs
from trainshed_trainer import errors
from trainshed_trainer.training import ranks

pytestmark = pytest.mark.tensorflow
Job = functools.partial(jobs.Job, "tensorflow")

# Adam would make of each rounding in a sum of processes a step of its own size.
PLAIN = {"name": "sgd", "learningRate": 0.02, "weightDecay": 0}
NORMALISED = {"name": "cnn", "params": {"channels": [4], "hidden": 16}}


def test_two_processes_train_as_one_does(tmp_path: pathlib.Path) -> None:
    alone, pair = Job(tmp_path / "one", world=1), Job(tmp_path / "two", world=2)

    (one,) = alone.end(alone.start(epochs=3, optimizer=PLAIN))
    first, second = pair.end(pair.start(epochs=3, optimizer=PLAIN))

    assert [each["outcome"] for each in (one, first, second)] == ["succeeded"] * 3
    assert first["steps"] == second["steps"] == one["steps"] == 3 * 23
    assert (first["samples"], second["samples"]) == (one["samples"], 0) == (3 * 1438, 0)
    assert first["metrics"] == second["metrics"]
    assert first["metrics"]["accuracy"] == pytest.approx(one["metrics"]["accuracy"], abs=0.01)
    assert first["loss"] == second["loss"] == pytest.approx(one["loss"], abs=1e-5)
    assert first["checkpoint"]["lastStep"] == 69


def test_one_that_is_told_to_stop_stops_all_and_all_go_on(tmp_path: pathlib.Path) -> None:
    job = Job(tmp_path / "job", world=2, shown=True)
    processes = job.start(model=NORMALISED, epochs=100_000)
    next(line for line in processes[0].stderr if b"step 1 " in line)
    processes[1].send_signal(signal.SIGTERM)

    stopped = job.end(processes)
    steps = stopped[0]["steps"]
    resumed = job.end(job.start(model=NORMALISED, maxSteps=steps + 5))

    assert [each.returncode for each in processes] == [errors.EXIT_STOPPED] * 2
    assert [each["outcome"] for each in stopped] == ["stopped"] * 2
    assert stopped[1]["steps"] == steps
    assert [each["steps"] for each in resumed] == [steps + 5] * 2
    assert resumed[0]["checkpoint"]["resumedFromStep"] == steps
    assert resumed[0]["metrics"] == resumed[1]["metrics"]


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
    processes[0].communicate(timeout=60)

    account = job.account(0)
    assert (account["class"], account["reason"]) == ("CommTimeout", "PeersLost")
    assert processes[0].returncode == errors.EXIT_USER_CODE


def config(task: str, index: int, **roles: list[str]) -> dict[str, str]:
    told = {"cluster": roles, "task": {"type": task, "index": index}}
    return {"TF_CONFIG": json.dumps(told)}


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        (config("worker", 1, worker=["a:1", "b:1"]), 1),
        (config("chief", 0, chief=["a:1"], worker=["b:1"]), 0),
        (config("worker", 0, chief=["a:1"], worker=["b:1"]), 1),
        (config("master", 0, master=["a:1"], worker=["b:1"], ps=[]), 0),
    ],
    ids=str,
)
def test_the_roles_of_kubeflow_are_taken(environment: dict[str, str], rank: int) -> None:
    from trainshed_trainer.training.tensorflow import processes

    found = processes.cluster(environment, ranks.Ranks(rank=rank, world=2))

    assert found["cluster"] == {"worker": ["a:1", "b:1"]}
    assert found["task"] == {"type": "worker", "index": rank}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "TF_CONFIG has no cluster and task"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG has no cluster and task"),
        (config("worker", 0, worker=["a:1", "b:1"]), "is not of rank 1 of 2"),
        (config("worker", 1, worker=["a:1", "b:1", "c:1"]), "is not of rank 1 of 2"),
        (config("worker", 1, worker=["a:1", "b:1"], ps=["c:1"]), "has roles worker, ps"),
    ],
    ids=str,
)
def test_another_jobs_processes_are_refused(environment: dict[str, str], said: str) -> None:
    from trainshed_trainer.training.tensorflow import processes

    with pytest.raises(errors.ConfigurationError, match=said):
        processes.cluster(environment, ranks.Ranks(rank=1, world=2))


STALLED = """
import os, signal, sys, threading, time
import tensorflow as tf
from trainshed_trainer.training import ranks
from trainshed_trainer.training.tensorflow import processes

rank = int(sys.argv[1])
group = processes.join(ranks.Ranks(rank, 2, rank))
total = tf.function(lambda: group.run(lambda: group.sum([tf.ones(1)])[0], ()))
assert float(total()[0]) == 2
print("met", flush=True)
sys.stdin.readline()
with group.watched():
    assert float(total()[0]) == 2
group.part()
os._exit(0)
"""


def test_a_process_that_is_silent_for_a_while_is_not_lost() -> None:
    places = [f"127.0.0.1:{jobs.free_port()}" for _ in range(2)]
    pair = []
    for rank in range(2):
        config = {"cluster": {"worker": places}, "task": {"type": "worker", "index": rank}}
        environment = {
            **os.environ,
            "PYTHONPATH": str(forking.LIBRARY),
            "TF_CONFIG": json.dumps(config),
        }
        command = [sys.executable, "-c", STALLED, str(rank)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        pair.append(subprocess.Popen(command, env=environment, **pipes))
    for each in pair:
        assert each.stdout.readline() == "met\n"
    # So long no node keeps a process from its cores, and TensorFlow gives one up after 10 s.
    pair[1].send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        pair[0].wait(timeout=15)
    pair[1].send_signal(signal.SIGCONT)

    for each in pair:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in pair:
        each.communicate(timeout=120)

    assert [each.returncode for each in pair] == [0, 0]
