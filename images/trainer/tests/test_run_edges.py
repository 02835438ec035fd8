"""What scripts do to a `Run` that its examples don't."""

from __future__ import annotations

import json
import pathlib
import signal
import socket
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import prometheus_client
import pytest

from trainshed_trainer import context, errors
from trainshed_trainer.run import Run


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scalar:
    """A tensor of one value, with a graph; it counts how often it is read."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.reads = 0
        self.graph = True

    def detach(self) -> Scalar:
        self.graph = False
        return self

    def __float__(self) -> float:
        self.reads += 1
        return self.value


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    # How often a server looks whether it is to end: half a second else.
    monkeypatch.setattr(socketserver.BaseServer.serve_forever, "__defaults__", (0.01,))


def told(job: context.Context) -> Any:
    return json.loads(pathlib.Path(job.account_file).read_text())["account"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_a_step_that_break_ends_counts_up_to_its_loss(job: context.Context) -> None:
    clock = Clock()
    with Run(known=job, clock=clock) as run:
        for number in run.steps(range(9), samples=4):
            clock.now += 1.0
            run.log(loss=0.5)
            clock.now += 0.5
            if number == 2:
                break
        clock.now += 100.0

    assert (told(job)["steps"], told(job)["samples"]) == (3, 12)
    assert told(job)["trainingSeconds"] == 1.5 + 1.5 + 1.0


def test_a_step_that_trained_nothing_before_break_counts_nothing(job: context.Context) -> None:
    with Run(known=job) as run:
        for number in run.steps(range(9), samples=4):
            if number == 2:
                break
            run.log(loss=0.5)

    assert told(job)["steps"] == 2


def test_evaluation_between_two_loops_is_no_training(job: context.Context) -> None:
    clock = Clock()
    with Run(known=job, clock=clock) as run:
        for epoch in (1, 2):
            run.epoch(epoch)
            for _ in run.steps(range(2), samples=1):
                clock.now += 1.0
            clock.now += 50.0

    account = told(job)
    assert account["trainingSeconds"] == 4.0
    assert account["samplesPerSecond"] == account["samples"] / account["trainingSeconds"]
    assert account["epochs"] == 2


def test_the_start_of_a_loader_is_a_wait_for_data(job: context.Context) -> None:
    clock = Clock()

    class Loader:
        def __iter__(self) -> Iterator[int]:
            clock.now += 7.0
            return iter(range(2))

    with Run(known=job, clock=clock) as run:
        for _ in run.steps(Loader(), samples=1):
            clock.now += 1.0

    assert told(job)["trainingSeconds"] == 9.0


def test_a_loader_that_raises_fails_the_run(job: context.Context) -> None:
    def loader() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    def train() -> None:
        with Run(known=job) as run:
            for _ in run.steps(loader()):
                run.log(loss=1.0)

    with pytest.raises(OSError, match="gone"):
        train()

    assert (told(job)["outcome"], told(job)["steps"]) == ("failed", 1)


def test_after_an_error_port_and_handler_are_as_before(job: context.Context) -> None:
    port, before = free_port(), signal.getsignal(signal.SIGTERM)
    known = context.Context(job="digits", metrics_port=port, account_file="/no/such/folder/file")

    def train() -> None:
        with Run(known=known) as run:
            for _ in run.steps(range(3)):
                assert "training_samples_total" in scraped(port)
                1 / 0  # noqa: B018

    with pytest.raises(ZeroDivisionError):
        train()

    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(OSError, match="refused"):
        scraped(port)


def test_every_series_of_the_contract_is_there_from_the_start() -> None:
    port = free_port()
    known = context.Context(job="digits", metrics_port=port)

    with Run(known=known, total_steps=9) as run:
        run.describe(framework="pytorch")
        text = scraped(port)

    for name in ("samples", "steps", "seconds", "step_seconds", "data_wait_seconds"):
        assert f'training_{name}_total{{rank="0",trainingjob="digits"}} 0.0' in text
    assert 'training_target_steps{rank="0",trainingjob="digits"} 9.0' in text
    assert 'training_step_duration_seconds_bucket{le="0.005"' in text
    assert 'framework="pytorch"' in text
    assert "_created" not in text


def test_a_port_that_is_in_use_costs_the_metrics_alone(
    job: context.Context, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        known = context.Context(job="digits", metrics_port=taken.getsockname()[1])
        with Run(known=known) as run:
            for _ in run.steps(range(2), samples=1):
                run.log(loss=1.0)

    assert "no metrics" in capsys.readouterr().err
    assert run.counts.steps == 2


def test_a_loss_that_is_a_tensor_is_kept_without_its_graph_and_seldom_read(
    job: context.Context,
) -> None:
    losses = [Scalar(1.0) for _ in range(200)]
    with Run(known=job) as run:
        for loss in run.steps(losses, samples=1):
            run.log(loss=loss)

    assert not any(loss.graph for loss in losses)
    assert sum(loss.reads > 0 for loss in losses) <= 200 // 50 + 1
    assert told(job)["loss"] == 1.0


def test_a_loss_that_is_no_number_at_the_very_end_still_fails(job: context.Context) -> None:
    def train() -> None:
        with Run(known=job) as run:
            for number in run.steps(range(30), samples=1):
                run.log(loss=1.0 if number < 29 else float("inf"))

    with pytest.raises(errors.NonFiniteLoss):
        train()

    assert (told(job)["outcome"], told(job)["reason"]) == ("failed", "NonFiniteLoss")


def test_what_is_no_single_number_is_told_at_the_first_step(job: context.Context) -> None:
    def train() -> None:
        with Run(known=job) as run:
            for _ in run.steps(range(3), samples=1):
                run.log(loss=[1.0, 2.0])

    with pytest.raises(TypeError):
        train()

    assert told(job)["loss"] is None


def test_a_run_counts_without_with_and_in_a_thread(job: context.Context) -> None:
    run = Run(known=job)

    def train() -> None:
        with run:
            for _ in run.steps(range(3), samples=2):
                run.log(loss=1.0)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    for _ in run.steps(range(2), samples=2):
        pass

    assert (told(job)["samples"], run.counts.samples) == (6, 10)


def test_the_same_run_may_be_entered_again(job: context.Context) -> None:
    run = Run(known=job)
    for _ in range(2):
        with run:
            for _ in run.steps(range(3), samples=2):
                pass

    assert told(job)["samples"] == 12


def test_names_of_metrics_are_bounded(job: context.Context) -> None:
    with Run(known=job) as run:
        run.evaluate(**{"x" * 5000: 1.0, "accuracy": 0.5})

    assert told(job)["metrics"] == {"accuracy": 0.5}


def test_description_may_be_partial_and_told_again(job: context.Context) -> None:
    with Run(known=job) as run:
        run.describe(device="cpu")
        run.describe(device="cuda", framework="jax")
        assert run._series is not None
        text = prometheus_client.generate_latest(run._series.registry).decode()

    assert text.count("training_process_info{") == 1
    assert 'device="cuda"' in text
