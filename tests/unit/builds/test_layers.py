"""The same files give the same layer, and a layer holds what it should and nothing else."""

import gzip
import hashlib
import io
import tarfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builds import trees
from trainshed.builds import layers

COMPRESSIONS = ("zstd", "gzip")


def unpacked(layer: layers.Layer) -> bytes:
    """Return a layer's tar."""
    if layer.media_type.endswith("+zstd"):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(layer.data)) as reader:
            return bytes(reader.read())
    return gzip.decompress(layer.data)


def entries(layer: layers.Layer) -> list[tarfile.TarInfo]:
    """Return what is in a layer, in its order."""
    with tarfile.open(fileobj=io.BytesIO(unpacked(layer))) as tar:
        return tar.getmembers()


def contents(layer: layers.Layer) -> dict[str, bytes]:
    """Return a layer's files."""
    with tarfile.open(fileobj=io.BytesIO(unpacked(layer))) as tar:
        found = ((each.name, tar.extractfile(each)) for each in tar)
        return {name: file.read() for name, file in found if file is not None}


@given(trees.trees(), st.sampled_from(COMPRESSIONS), st.randoms(use_true_random=False))
def test_the_same_files_in_any_order_give_the_same_bytes(
    files: dict[str, bytes], compression: str, random: object
) -> None:
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    first = layers.pack(files, prefix="/app", compression=compression)
    second = layers.pack(dict(shuffled), prefix="/app", compression=compression)

    assert first == second


@given(trees.trees(), trees.trees())
def test_other_files_give_another_layer(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    layer_of_one = layers.pack(one, prefix="/app", compression="gzip")
    layer_of_other = layers.pack(other, prefix="/app", compression="gzip")

    assert (layer_of_one.diff_id == layer_of_other.diff_id) == (one == other)


@given(trees.trees(), st.sampled_from(COMPRESSIONS))
def test_every_file_comes_out_as_it_went_in(files: dict[str, bytes], compression: str) -> None:
    layer = layers.pack(files, prefix="/app", compression=compression)

    assert contents(layer) == {f"app/{name}": data for name, data in files.items()}


@given(trees.trees())
def test_entries_say_nothing_of_when_and_by_whom(files: dict[str, bytes]) -> None:
    for each in entries(layers.pack(files, prefix="/app", compression="zstd")):
        assert (each.mtime, each.uid, each.gid, each.uname, each.gname) == (0, 0, 0, "", "")
        assert each.isfile() or each.isdir()
        assert each.mode == (0o755 if each.isdir() else 0o644)


@given(trees.trees())
def test_every_folder_comes_once_and_before_what_is_in_it(files: dict[str, bytes]) -> None:
    seen: set[str] = set()
    for each in entries(layers.pack(files, prefix="/opt/trainshed", compression="gzip")):
        parent = each.name.rpartition("/")[0]
        assert not parent or parent in seen
        assert each.name not in seen
        seen.add(each.name)


@given(trees.trees(), st.sampled_from(COMPRESSIONS))
def test_digests_are_of_the_blob_and_of_the_tar(files: dict[str, bytes], compression: str) -> None:
    layer = layers.pack(files, prefix="/app", compression=compression)

    assert layer.digest == f"sha256:{hashlib.sha256(layer.data).hexdigest()}"
    assert layer.diff_id == f"sha256:{hashlib.sha256(unpacked(layer)).hexdigest()}"
    assert layer.descriptor() == {
        "mediaType": f"application/vnd.oci.image.layer.v1.tar+{compression}",
        "digest": layer.digest,
        "size": len(layer.data),
    }


def test_names_of_any_script_and_length_survive() -> None:
    files = {"übung/模型.py": b"a", f"{'d' * 120}/{'n' * 120}.py": b"b", "\N{ROCKET}.txt": b"c"}

    layer = layers.pack(files, prefix="/app", compression="zstd")

    assert contents(layer) == {f"app/{name}": data for name, data in files.items()}


def test_byte_code_stays_out() -> None:
    files = {"a.py": b"1", "a.pyc": b"2", "__pycache__/a.cpython-311.pyc": b"3"}

    layer = layers.pack(files, prefix="/app", compression="zstd")

    assert set(contents(layer)) == {"app/a.py"}


def test_no_files_are_an_empty_folder() -> None:
    found = entries(layers.pack({}, prefix="/opt/trainshed/trainer", compression="zstd"))

    assert [each.name for each in found] == ["opt", "opt/trainshed", "opt/trainshed/trainer"]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_tar_is_the_same_on_every_machine(compression: str) -> None:
    # A change here makes every image anew: raise requests.VERSION with it.
    layer = layers.pack(
        {"train.py": b"print(1)\n", "lib/ü.py": b"x = 1\n"}, prefix="/app", compression=compression
    )

    assert (
        layer.diff_id == "sha256:e10ec37fc25aa59f2d494c7ff79854d5953fdae6002a9b5133f1ab290ce8dd5b"
    )


def test_a_compressed_layer_does_not_tell_which_python_packed_it() -> None:
    layer = layers.pack({"train.py": b"print(1)\n"}, prefix="/app", compression="gzip")

    # Flags and time are 0, the level is the lowest, the system is Unix.
    assert layer.data[:10] == b"\x1f\x8b\x08" + b"\0" * 5 + b"\x04\x03"


def test_a_layer_does_not_print_its_contents() -> None:
    layer = layers.pack({"a": b"secret"}, prefix="/app", compression="gzip")

    assert "data" not in repr(layer)
