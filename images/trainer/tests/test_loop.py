"""The loop with a backend of its own: order, lengths, schedule, target, SIGTERM."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import signal
from typing import Any

import pytest

from images.trainer.tests import fakes
from trainshed_trainer import context, errors, schema
from trainshed_trainer.training import courses, loop, ranks


def asked(**training: Any) -> schema.Training:
    return schema.read({"training": {"batchSize": 4, **training}}).training


def trained(
    job: context.Context, backend: fakes.FakeBackend, samples: int = 10, **training: Any
) -> Any:
    """Train on so many samples; return the account."""
    loop.train(asked(**training), backend, samples=samples, among=backend.among, known=job)
    return told(job)


def told(job: context.Context) -> Any:
    return json.loads(pathlib.Path(job.account_file).read_text())["account"]


def test_each_epoch_has_every_sample_in_a_new_order(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4)

    account = trained(job, backend, epochs=2)

    assert [len(step) for step in backend.steps] == [4, 4, 2] * 2
    epochs = [list(itertools.chain(*backend.steps[at : at + 3])) for at in (0, 3)]
    assert epochs[0] != epochs[1]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert (account["steps"], account["epochs"], account["samples"]) == (6, 2, 20)


def test_one_seed_gives_one_order_and_another_gives_another(job: context.Context) -> None:
    orders = []
    for seed in (3, 3, 4):
        backend = fakes.FakeBackend(size=4)
        trained(job, backend, seed=seed)
        orders.append(backend.steps)

    assert orders[0] == orders[1] != orders[2]


def test_the_last_step_may_be_in_the_middle_of_an_epoch(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4)

    account = trained(job, backend, maxSteps=5)

    assert (account["steps"], account["epochs"], account["samples"]) == (5, 2, 18)
    assert backend.evaluations == 2
    assert account["metrics"] == {"accuracy": 0.5}


def test_a_run_ends_where_its_target_is_reached(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4, accuracies=[0.8, 0.95, 0.9])

    account = trained(job, backend, epochs=9, target={"value": 0.9})

    assert (account["outcome"], account["epochs"]) == ("succeeded", 2)
    assert account["timeToTargetSeconds"] > 0


def test_a_target_that_is_not_reached_is_not_told_of(job: context.Context) -> None:
    account = trained(job, fakes.FakeBackend(size=4), epochs=2, target={"value": 0.9})

    assert "timeToTargetSeconds" not in account


def test_told_to_stop_the_present_step_is_the_last(job: context.Context) -> None:
    def tell(step: int) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    backend = fakes.FakeBackend(size=4, on_step=tell)
    with pytest.raises(SystemExit) as raised:
        trained(job, backend, epochs=9)

    assert raised.value.code == errors.EXIT_STOPPED
    assert (told(job)["outcome"], told(job)["steps"]) == ("stopped", 2)
    assert (backend.evaluations, backend.open) == (0, 0)


def test_processes_part_once_all_have_come_to_their_end(job: context.Context) -> None:
    def fail(step: int) -> None:
        raise RuntimeError("no memory")

    through = fakes.FakeBackend(size=4)
    stopped = fakes.FakeBackend(size=4, on_step=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    failed = fakes.FakeBackend(size=4, on_step=fail)
    trained(job, through, epochs=1)
    with pytest.raises(SystemExit):
        trained(job, stopped)
    with pytest.raises(RuntimeError):
        trained(job, failed)

    # One that fails must not wait for those that wait for it.
    assert (through.partings, stopped.partings, failed.partings) == (1, 1, 0)


def test_told_to_stop_in_the_last_step_all_is_done(job: context.Context) -> None:
    def tell(step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    backend = fakes.FakeBackend(size=4, on_step=tell)
    account = trained(job, backend, epochs=1)

    assert (account["outcome"], backend.evaluations) == ("succeeded", 1)


def test_what_feeds_the_loop_is_closed_when_a_step_fails(job: context.Context) -> None:
    def fail(step: int) -> None:
        raise RuntimeError("no memory")

    backend = fakes.FakeBackend(size=4, on_step=fail)
    with pytest.raises(RuntimeError, match="no memory"):
        trained(job, backend)

    assert backend.open == 0


def test_the_rate_follows_the_schedule(job: context.Context) -> None:
    backend = fakes.FakeBackend(size=4)
    optimizer = {"learningRate": 1.0, "schedule": "linear", "warmupSteps": 2}

    trained(job, backend, maxSteps=6, optimizer=optimizer)

    assert backend.rates == pytest.approx([0.5, 1.0, 1.0, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("samples", [12, 13, 17, 20, 23])
def test_processes_share_each_step_and_leave_out_less_than_one_sample_each(
    samples: int, world: int
) -> None:
    course = courses.plan(asked(batchSize=6), samples=samples, world=world)
    order = course.order(1, done=0)

    shares = [
        list(ranks.portions(order, size=6, ranks=ranks.Ranks(rank, world))) for rank in range(world)
    ]

    taken = [number for rank in shares for each in rank for number in each.numbers.tolist()]
    assert len(taken) == len(set(taken)) > samples - world
    for step in zip(*shares, strict=True):
        sizes = [len(each.numbers) for each in step]
        assert sum(sizes) == step[0].samples
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1


def test_the_first_process_counts_for_all(tmp_path: pathlib.Path) -> None:
    counted = []
    for rank in (0, 1):
        job = context.Context(job="digits", rank=rank, account_file=str(tmp_path / "account.json"))
        backend = fakes.FakeBackend(size=4, among=ranks.Ranks(rank, 2))
        counted.append(trained(job, backend, samples=10, epochs=1)["samples"])

    assert counted == [10, 0]


def test_a_batch_that_processes_cannot_share_is_the_users_to_mend() -> None:
    with pytest.raises(errors.ConfigurationError, match="a multiple of 3"):
        courses.plan(asked(), samples=10, world=3)


def test_a_batch_larger_than_the_data_is_the_users_to_mend() -> None:
    with pytest.raises(errors.DataError, match="set batchSize to 3 or less") as raised:
        courses.plan(asked(), samples=3)

    assert raised.value.reason == "BatchTooLarge"


def test_ranks_are_those_of_torchrun_else_those_of_the_operator() -> None:
    operator = {"TRAINSHED_RANK": "2", "TRAINSHED_WORLD_SIZE": "4"}
    torchrun = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}

    assert ranks.read(operator) == ranks.Ranks(2, 4, 0)
    assert ranks.read({**operator, **torchrun}) == ranks.Ranks(1, 2, 1)
    assert ranks.read({}) == ranks.ALONE


def test_a_rank_beyond_the_world_would_train_on_nothing() -> None:
    with pytest.raises(errors.ConfigurationError, match="rank 1 of 1 processes can't be"):
        ranks.read({"TRAINSHED_RANK": "1", "TRAINSHED_WORLD_SIZE": "1"})
