"""Training in TensorFlow on a GPU: `make test-gpu`. Small models, but on the device's own paths."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import datasets
from trainshed_trainer import schema

pytestmark = [pytest.mark.tensorflow, pytest.mark.gpu]

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
SAMPLES = 512


def data() -> datasets.ArrayData:
    return datasets.images(samples=SAMPLES, side=16, depth=3)


def opened(given: datasets.ArrayData | None = None, **asked: Any) -> Any:
    """Return a backend with a small model on the GPU."""
    from trainshed_trainer.training import tensorflow

    model = {"name": "cnn", "params": {"channels": [16, 16], "hidden": 64}}
    training = {"maxSteps": 100, "batchSize": 64, **asked}
    spec = schema.read({"framework": "tensorflow", "model": model, "training": training})
    return tensorflow.open(spec, given or data())


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
    import tensorflow as tf

    backend = opened(precision=precision)

    found = losses(backend)

    assert np.isfinite(found).all()
    assert np.mean(found[-6:]) < 0.5 * np.mean(found[:6])
    assert backend.evaluate()["accuracy"] > 0.9
    gpu = tf.config.list_physical_devices("GPU")[0]
    name = tf.config.experimental.get_device_details(gpu)["device_name"]
    assert {"device": name, "dtype": DTYPES[precision]}.items() <= backend.info.items()
    assert {each.value.device.rpartition("/")[2] for each in backend.model.variables} == {
        "device:GPU:0"
    }


def test_a_model_that_xla_compiles_learns_the_same() -> None:
    plain, compiled = (
        losses(opened(precision="fp32", compile=asked), epochs=3) for asked in ("never", "always")
    )

    assert compiled == pytest.approx(plain, rel=0.05, abs=0.02)


def test_streamed_batches_teach_the_same_as_those_on_the_device() -> None:
    resident, streamed = (
        losses(opened(given, precision="fp32"), epochs=2) for given in (data(), data().streamed())
    )

    assert streamed == pytest.approx(resident, rel=0.02, abs=0.02)


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
