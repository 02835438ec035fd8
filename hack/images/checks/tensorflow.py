"""Runs inside the tensorflow image: what the training library stands on is there and works."""

import importlib.util
import pathlib
import runpy
import sys
import time

started = time.perf_counter()
import keras  # noqa: E402
import numpy  # noqa: E402
import prometheus_client  # noqa: E402
import sklearn  # noqa: E402
import sklearn.datasets  # noqa: E402
import tensorflow  # noqa: E402

imported = time.perf_counter() - started
import tensorboardX.summary  # noqa: E402


def main() -> None:
    """Load the digits, multiply, take one training step; say what was found."""
    images = sklearn.datasets.load_digits().images
    assert images.shape == (1797, 8, 8)
    left, right = tensorflow.random.normal((300, 200)), tensorflow.random.normal((200, 100))
    exact = left.numpy().astype(float) @ right.numpy().astype(float)
    assert numpy.allclose(left @ right, exact, atol=1e-3)
    layer = keras.layers.Conv2D(4, 3)
    with tensorflow.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.square(layer(images[:64, ..., None])))
    assert all(each is not None for each in tape.gradient(loss, layer.trainable_variables))
    assert prometheus_client.generate_latest(prometheus_client.CollectorRegistry()) == b""
    assert tensorboardX.summary.scalar("loss", 0.5).value[0].tag == "loss"
    runpy.run_path(str(pathlib.Path(__file__).with_name("media.py")))["check"]()
    compiled = pathlib.Path(importlib.util.cache_from_source(str(keras.__file__)))
    assert compiled.is_file(), f"{compiled} is missing: every start would compile"
    sys.stdout.write(
        f"tensorflow: tensorflow {tensorflow.__version__}, keras {keras.__version__}, "
        f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}, "
        f"Python {sys.version.split()[0]}: imported in {imported:.1f} s, "
        f"{_gigaflops():.0f} GFLOPS\n"
    )


def _gigaflops(size: int = 1024) -> float:
    left, right = tensorflow.random.normal((size, size)), tensorflow.random.normal((size, size))
    left @ right
    began = time.perf_counter()
    left @ right
    return 2 * size**3 / (time.perf_counter() - began) / 1e9


main()
