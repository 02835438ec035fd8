"""Runs inside an image that trains, by its check: images, videos and S3's protocol are known."""

import io

import av
import numpy
import PIL.Image
import s3fs


def check() -> None:
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
