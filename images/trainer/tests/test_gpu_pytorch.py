"""Training in PyTorch on a GPU: `make test-gpu`. Small models, but on the device's own paths."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import errors, gpus, schema

pytestmark = [pytest.mark.torch, pytest.mark.gpu]

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
SAMPLES = 512


def data() -> datasets.ArrayData:
    return datasets.images(samples=SAMPLES, side=16, depth=3)


def opened(given: datasets.ArrayData | None = None, **asked: Any) -> Any:
    """Return a backend with a small model on the GPU."""
    from trainshed_trainer.training import pytorch

    model = {"name": "cnn", "params": {"channels": [16, 16], "hidden": 64}}
    training = {"maxSteps": 100, "batchSize": 64, "compile": "never", **asked}
    spec = schema.read({"model": model, "training": training})
    return pytorch.open(spec, given or data())


def losses(backend: Any, *, epochs: int = 8) -> list[float]:
    """Train for some epochs; return the loss of each step."""
    order = np.arange(SAMPLES - SAMPLES // 4)
    found = []
    for epoch in range(1, epochs + 1):
        with contextlib.closing(backend.batches(order, epoch=epoch)) as batches:
            found += [float(backend.step(batch, 0.003)) for batch in batches]
    return found


@pytest.mark.parametrize("precision", DTYPES)
def test_a_cnn_learns_on_the_gpu_in_every_precision(precision: str) -> None:
    import torch

    backend = opened(precision=precision)

    found = losses(backend)

    assert np.isfinite(found).all()
    assert np.mean(found[-6:]) < 0.5 * np.mean(found[:6])
    assert backend.evaluate()["accuracy"] > 0.9
    assert {str(each.device) for each in backend.model.parameters()} == {"cuda:0"}
    told = {"device": torch.cuda.get_device_name(0), "dtype": DTYPES[precision]}
    assert told.items() <= backend.info.items()


def test_the_precision_of_auto_is_one_that_this_gpu_has() -> None:
    import torch

    wanted = "bfloat16" if torch.cuda.is_bf16_supported() else "float32"

    assert opened(precision="auto").info["dtype"] == wanted


def test_a_model_that_is_compiled_learns_the_same() -> None:
    import torch

    try:
        backend = opened(precision="fp32", compile="always")
    except errors.ConfigurationError as error:
        pytest.skip(str(error))
    plain = losses(opened(precision="fp32"), epochs=3)
    counters = torch._dynamo.utils.counters
    counters.clear()

    compiled = losses(backend, epochs=3)

    assert counters["stats"]["unique_graphs"] > 0
    assert compiled == pytest.approx(plain, rel=0.05, abs=0.02)


def test_a_world_of_one_speaks_nccl(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch import distributed

    from trainshed_trainer.training.pytorch import devices, processes

    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    meeting = {"RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in meeting.items():
        monkeypatch.setenv(name, str(value))
    device = devices.choose(schema.read({}).training, local=0)
    group = processes.Group(device)
    with contextlib.closing(group):
        assert distributed.get_backend() == "nccl"
        model = group.joined(torch.nn.Linear(4, 2).to(device.device))
        model(torch.ones(3, 4, device=device.device)).sum().backward()
        gradient = next(model.parameters()).grad
        assert gradient is not None
        assert gradient.tolist() == [[3.0] * 4] * 2
        assert group.sum(torch.ones(2, device=device.device)).tolist() == [1.0, 1.0]
        assert group.stops(True, due=True) == (False, False)
        told = group.stops(False, due=True)
        assert told == (True, True), "what was told at the call before"
        assert group.stops(False, due=False) == (False, False), "it is kept by then"
    distributed.destroy_process_group()


def test_streamed_batches_come_by_pinned_memory_and_teach_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    pinned = []
    pin = torch.Tensor.pin_memory

    def noted(tensor: Any, *arguments: Any) -> Any:
        found = pin(tensor, *arguments)
        pinned.append(found.is_pinned())
        return found

    monkeypatch.setattr(torch.Tensor, "pin_memory", noted)
    resident = losses(opened(precision="fp32"), epochs=2)
    assert not pinned

    streamed = losses(opened(data().streamed(), precision="fp32"), epochs=2)

    assert pinned == [True] * len(pinned) != []
    assert streamed == pytest.approx(resident, rel=0.02, abs=0.02)


def test_a_set_that_the_gpus_memory_has_no_room_for_is_streamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from trainshed_trainer.training.pytorch import devices, feeding

    device = devices.choose(schema.read({}).training, local=0)
    split = data().train
    assert isinstance(feeding.feed(split, device), feeding.Resident)

    monkeypatch.setattr(feeding, "LARGEST_SHARE", 0.0)

    assert isinstance(feeding.feed(split, device), feeding.Streamed)


def test_one_seed_gives_one_course_of_losses_within_rounding() -> None:
    first, again, other = (losses(opened(precision="fp32", seed=seed)) for seed in (3, 3, 4))

    # A GPU adds up in an order of its own, so not bit for bit.
    assert again[:12] == pytest.approx(first[:12], rel=0.01, abs=0.01)
    assert other[0] != pytest.approx(first[0], rel=1e-4)


def test_a_run_goes_on_from_its_state() -> None:
    backend = opened(precision="fp16")
    losses(backend, epochs=2)
    state = backend.state()
    wanted = losses(backend, epochs=1)

    resumed = opened(precision="fp16", seed=9)
    resumed.restore(state)

    assert losses(resumed, epochs=1) == pytest.approx(wanted, rel=0.05, abs=0.01)


def test_the_driver_tells_of_memory_power_and_energy_that_grow_with_the_work() -> None:
    import torch

    found = gpus.Gpus()
    found.start()
    assert found.opened(60)
    before = found.readings()
    assert len(before) == torch.cuda.device_count()

    held = torch.ones(2**30, dtype=torch.uint8, device="cuda:0")
    deadline = time.monotonic() + 30
    factor = torch.rand(4096, 4096, device="cuda:0")
    while found.joules() == 0 and time.monotonic() < deadline:
        factor = torch.nn.functional.normalize(factor @ factor)
        torch.cuda.synchronize()
    after = found.readings()[0]

    assert before[0].memory_used is not None
    assert after.memory_used is not None
    assert after.memory_used - before[0].memory_used >= held.numel()
    assert after.memory_total == pytest.approx(torch.cuda.mem_get_info(0)[1], rel=0.05)
    # An instance cut by MIG tells of its memory alone.
    if after.power is not None:
        assert after.power > 1
    assert found.joules() != 0, "no energy within 30 s of work"
