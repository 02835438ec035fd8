"""A bucket of an S3-compatible server on loopback."""

from __future__ import annotations

import contextlib
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

NAME = "sets"


def served() -> Iterator[Any]:
    """Yield the bucket while the server runs; the environment has its address and credentials."""
    server_of = pytest.importorskip("moto.server", reason="no moto here: `make test-data` has it")
    boto3 = pytest.importorskip("boto3", reason="no boto3 here: `make test-data` has it")
    server = server_of.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    given = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "some",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in given.items():
            patched.setenv(name, value)
        made = boto3.resource("s3").Bucket(NAME)
        made.create()
        yield made
    server.stop()


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Have the server know nobody meanwhile: it refuses everything with 403."""
    _allow("0")
    try:
        yield
    finally:
        _allow("inf")


def _allow(calls: str) -> None:
    """Have the server ask for credentials after so many calls."""
    address = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    plain = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(address, calls.encode(), plain)).close()
