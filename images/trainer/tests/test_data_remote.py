from __future__ import annotations

import functools
import http.server
import os
import pathlib
import re
import threading
from typing import Any

import numpy as np
import pytest

from images.trainer.tests import buckets
from trainshed_trainer import errors, schema
from trainshed_trainer.data import opening, preparing, remote

pytestmark = pytest.mark.numpy
pytest.importorskip("fsspec", reason="no fsspec here: `make test-data` has it")


@pytest.fixture
def cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv(remote.FOLDER, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def far(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a folder that stands for storage, with three files."""
    folder = tmp_path / "far"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.bin", "b.bin", "deep/c.bin"):
        (folder / name).write_bytes(name.encode() * 100)
    return folder


bucket = pytest.fixture(scope="module")(buckets.served)


def fetched(uri: str, *, limit: int | None = None) -> pathlib.Path:
    return remote.fetch(uri, limit=limit)


def refused(uri: str, *, limit: int | None = None) -> errors.TrainerError:
    with pytest.raises(errors.TrainerError) as raised:
        fetched(uri, limit=limit)
    return raised.value


def content(folder: pathlib.Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def times(folder: pathlib.Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_copied_whole(cache: pathlib.Path, far: pathlib.Path) -> None:
    found = fetched(f"file://{far}")

    assert found.is_relative_to(cache)
    assert content(found) == content(far)


def test_a_single_file_is_copied_under_its_name(cache: pathlib.Path, far: pathlib.Path) -> None:
    found = fetched(f"file://{far}/a.bin")

    assert found.name == "a.bin"
    assert found.read_bytes() == b"a.bin" * 100


def test_only_what_has_changed_is_read_again(cache: pathlib.Path, far: pathlib.Path) -> None:
    before = times(fetched(f"file://{far}"))
    (far / "a.bin").write_bytes(b"changed" * 10)
    os.utime(far / "b.bin", (1, 1))
    (far / "d.bin").write_bytes(b"new")

    found = fetched(f"file://{far}")

    after = times(found)
    assert content(found) == content(far)
    assert after["c.bin"] == before["c.bin"]
    assert after["a.bin"] != before["a.bin"]
    assert after["b.bin"] != before["b.bin"]


def test_what_is_gone_there_is_gone_here(cache: pathlib.Path, far: pathlib.Path) -> None:
    fetched(f"file://{far}")
    (far / "deep" / "c.bin").unlink()

    assert set(content(fetched(f"file://{far}"))) == {"a.bin", "b.bin"}


def test_what_a_killed_process_left_is_not_taken_for_data(
    cache: pathlib.Path, far: pathlib.Path
) -> None:
    found = fetched(f"file://{far}")
    (found.parent / "part-left").write_bytes(b"half")
    (found / "a.bin").write_bytes(b"half")
    with (found.parent / "journal").open("a") as journal:
        journal.write('["b.bin", 50')

    again = fetched(f"file://{far}")

    assert content(again) == content(far)
    assert not (found.parent / "part-left").exists()


def test_processes_take_turns_and_read_each_file_once(
    cache: pathlib.Path, far: pathlib.Path
) -> None:
    found: list[dict[str, int]] = []
    readers = [
        threading.Thread(target=lambda: found.append(times(fetched(f"file://{far}"))))
        for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert len(found) == 4
    assert all(one == found[0] for one in found)


def test_a_set_larger_than_the_cache_may_be_is_refused(
    cache: pathlib.Path, far: pathlib.Path
) -> None:
    total = needed(f"file://{far}")

    error = refused(f"file://{far}", limit=total - 1)

    assert error.reason == "CacheTooSmall"
    assert f"takes {total} bytes of a disk, in blocks of 4096, and" in str(error)
    assert f"data.cacheBytes allows {total - 1}: raise it" in str(error)
    assert not cache.exists()
    assert content(fetched(f"file://{far}", limit=total)) == content(far)


def test_a_set_takes_no_more_of_the_disk_than_it_was_counted_as(
    cache: pathlib.Path, far: pathlib.Path
) -> None:
    for number in range(600):
        folder = far / f"class {number % 3}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}-{'long' * 50}.txt").write_bytes(b"x" * (number % 2))
    total = needed(f"file://{far}")

    fetched(f"file://{far}", limit=total)

    # As the kubelet counts, which evicts a pod that takes more than its volume may.
    every = (cache, *cache.rglob("*"))
    assert sum(path.stat().st_blocks * 512 for path in every) <= total


def needed(uri: str) -> int:
    """Return what data.cacheBytes must be at least."""
    found = re.search(r"takes (\d+) bytes", str(refused(uri, limit=0)))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("ftp://host/set", "InvalidSpec"),
        ("/data/set", "InvalidSpec"),
        ("s3:bucket", "InvalidSpec"),
        ("file:///no/such/folder", "NoSuchData"),
    ],
)
def test_an_address_that_nothing_can_be_read_from_is_named(
    cache: pathlib.Path, uri: str, reason: str
) -> None:
    assert refused(uri).reason == reason


def test_an_empty_folder_is_named(cache: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()

    assert refused(f"file://{tmp_path}/empty").reason == "NoSamples"


def test_a_cache_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, far: pathlib.Path
) -> None:
    monkeypatch.setenv(remote.FOLDER, "/proc/cache")

    error = refused(f"file://{far}")

    assert error.reason == "CacheUnwritable"
    assert "have TRAINSHED_CACHE_DIR name a folder" in str(error)


def test_secrets_of_an_address_are_not_told() -> None:
    shown = remote.shown("https://user:password@host/set.npz?X-Amz-Signature=secret")

    assert shown == "https://host/set.npz"


def test_objects_of_a_bucket_are_copied_and_read_once(cache: pathlib.Path, bucket: Any) -> None:
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/"):
        bucket.put_object(Key=f"clips/{name}", Body=name.encode() * 1000)
    bucket.put_object(Key="clips-of-others/4.png", Body=b"other")

    found = fetched("s3://sets/clips")
    before = times(found)
    bucket.put_object(Key="clips/a/1.png", Body=b"z" * 7000)
    again = fetched("s3://sets/clips/")
    same = fetched("s3://sets/clips")

    assert set(content(found)) == {"a/1.png", "a/2.png", "b/3.png"}
    assert content(same)["a/1.png"] == b"z" * 7000 == content(again)["a/1.png"]
    assert times(same)["2.png"] == before["2.png"]


def test_google_storage_is_read_by_the_same_protocol(cache: pathlib.Path, bucket: Any) -> None:
    bucket.put_object(Key="google/1.png", Body=b"one")

    assert content(fetched("gs://sets/google")) == {"1.png": b"one"}


def test_a_set_is_trained_on_from_a_bucket(
    cache: pathlib.Path, bucket: Any, tmp_path: pathlib.Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(20) % 2)
    bucket.upload_file(str(tmp_path / "set.npz"), "sets/one.npz")
    document = {"uri": "s3://sets/sets/one.npz", "layout": "npz", "cacheBytes": 100_000}

    found = preparing.prepare(schema.read({"data": document}).data)

    assert found.train.shape == (1, 6, 6)
    assert len(found.train.labels) == 16


@pytest.mark.parametrize(
    ("uri", "reason"),
    [("s3://sets/nothing-here", "NoSuchData"), ("s3://no-such-bucket/a", "NoSuchData")],
)
def test_what_a_bucket_lacks_is_named(
    cache: pathlib.Path, bucket: Any, uri: str, reason: str
) -> None:
    assert refused(uri).reason == reason


def test_names_that_lead_out_of_the_folder_are_refused(cache: pathlib.Path, bucket: Any) -> None:
    bucket.put_object(Key="evil/a/../../../../etc/cron.d/x", Body=b"x")

    error = refused("s3://sets/evil")

    assert error.reason == "UnsafePath"
    assert not cache.exists()


def test_a_file_is_read_from_a_web_server(
    cache: pathlib.Path, far: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = functools.partial(Quiet, directory=str(far))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(remote, "SCHEMES", (*remote.SCHEMES, "http"))
    try:
        found = fetched(f"http://127.0.0.1:{server.server_port}/a.bin?signature=x")
        missing = refused(f"http://127.0.0.1:{server.server_port}/none.bin")
        folder = refused(f"http://127.0.0.1:{server.server_port}/deep/")
    finally:
        server.shutdown()
        server.server_close()

    assert found.name == "a.bin"
    assert found.read_bytes() == b"a.bin" * 100
    assert missing.reason == folder.reason == "NoSuchData"
    assert "https:// names one file" in str(folder)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *told: Any) -> None:
        pass


def test_a_uri_is_opened_by_its_layout(cache: pathlib.Path, far: pathlib.Path) -> None:
    asked = schema.read({"data": {"uri": f"file://{far}", "layout": "npz"}}).data

    with pytest.raises(errors.DataError, match=r"holds no \.npz files"):
        opening.source(asked, preparing.corrupt.Tally())
