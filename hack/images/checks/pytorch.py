"""Runs inside the pytorch image: what the training library stands on is there and works."""

import io
import sys
import time

started = time.perf_counter()
import numpy  # noqa: E402
import prometheus_client  # noqa: E402
import sklearn  # noqa: E402
import sklearn.datasets  # noqa: E402
import torch  # noqa: E402

imported = time.perf_counter() - started
import av  # noqa: E402
import PIL.Image  # noqa: E402
import s3fs  # noqa: E402
import tensorboardX.summary  # noqa: E402


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
    _data()
    sys.stdout.write(
        f"pytorch: torch {torch.__version__}, scikit-learn {sklearn.__version__}, "
        f"numpy {numpy.__version__}, Python {sys.version.split()[0]}: "
        f"imported in {imported:.1f} s, {_gigaflops():.0f} GFLOPS\n"
    )


def _data() -> None:
    """Write and read an image and a video; know S3's protocol."""
    pixels = numpy.zeros((32, 32, 3), numpy.uint8)
    image, video = io.BytesIO(), io.BytesIO()
    PIL.Image.fromarray(pixels).save(image, "jpeg")
    assert PIL.Image.open(image).size == (32, 32)
    with av.open(video, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=8, width=32, height=32)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    video.seek(0)
    with av.open(video) as container:
        assert sum(1 for _ in container.decode(video=0)) == 1
    storage = s3fs.S3FileSystem(key="a", secret="b", client_kwargs={"region_name": "us-east-1"})
    assert "Signature=" in storage.sign("s3://bucket/name")


def _gigaflops(size: int = 1024) -> float:
    left, right = torch.randn(size, size), torch.randn(size, size)
    left @ right
    began = time.perf_counter()
    left @ right
    return 2 * size**3 / (time.perf_counter() - began) / 1e9


main()
