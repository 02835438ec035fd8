"""Runs inside the pytorch image: what the training library stands on is there and works."""

import importlib.metadata
import pathlib
import runpy
import sys
import time

started = time.perf_counter()
import numpy  # noqa: E402
import prometheus_client  # noqa: E402
import sklearn  # noqa: E402
import sklearn.datasets  # noqa: E402
import torch  # noqa: E402

imported = time.perf_counter() - started
import tensorboardX.summary  # noqa: E402

DEBIANS = {
    "numpy": "2.2",
    "onnx": "1.17",
    "onnxruntime": "1.21",
    "scikit-learn": "1.4",
    "torch": "2.6",
}


def main() -> None:
    """Load the digits, multiply, take one training step; say what was found."""
    images = sklearn.datasets.load_digits().images
    assert images.shape == (1797, 8, 8)
    left, right = torch.randn(300, 200), torch.randn(200, 100)
    exact = left.double() @ right.double()
    assert torch.allclose(left @ right, exact.float(), atol=1e-3)
    layer = torch.nn.Conv2d(1, 4, 3)
    layer(torch.tensor(images[:64, None], dtype=torch.float32)).square().mean().backward()
    assert layer.weight.grad is not None
    assert prometheus_client.generate_latest(prometheus_client.CollectorRegistry()) == b""
    assert tensorboardX.summary.scalar("loss", 0.5).value[0].tag == "loss"
    if torch.__version__.endswith("+debian"):
        _versions()
    runpy.run_path(str(pathlib.Path(__file__).with_name("media.py")))["check"]()
    sys.stdout.write(
        f"pytorch: torch {torch.__version__}, scikit-learn {sklearn.__version__}, "
        f"numpy {numpy.__version__}, Python {sys.version.split()[0]}: "
        f"imported in {imported:.1f} s, {_gigaflops():.0f} GFLOPS\n"
    )


def _versions() -> None:
    """Hold what Debian's packages bring: they are installed by name, and none has a hash."""
    for name, wanted in DEBIANS.items():
        found = importlib.metadata.version(name)
        assert f"{found}.".startswith(f"{wanted}."), (
            f"{name} is {found}, and {wanted} is known to work"
        )


def _gigaflops(size: int = 1024) -> float:
    left, right = torch.randn(size, size), torch.randn(size, size)
    left @ right
    began = time.perf_counter()
    left @ right
    return 2 * size**3 / (time.perf_counter() - began) / 1e9


main()
