"""Archives are taken apart in memory: what is hostile in them is refused by its name."""

from __future__ import annotations

import io
import random
import tarfile

import pytest

from tests.unit.buildpod import archives
from trainshed.buildpod import failing, unpacking
from trainshed.builds import layers

MEGABYTE = 1 << 20


def unpacked(*tars: bytes, ignore: tuple[str, ...] = (), limit: int = MEGABYTE) -> dict[str, bytes]:
    tree = unpacking.Tree(ignore=ignore, limit=limit)
    for each in tars:
        tree.unpack(io.BytesIO(each))
    return tree.files()


def refusal(*tars: bytes, **how: int) -> failing.BuildFailed:
    with pytest.raises(failing.BuildFailed) as caught:
        unpacked(*tars, **how)  # type: ignore[arg-type]
    assert caught.value.terminal
    return caught.value


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
def test_files_programs_and_links_come_out_as_what_they_are(how: str) -> None:
    files = {"./train.py": b"x", "lib/": archives.special("lib", tarfile.DIRTYPE), "lib/a": b"a"}
    plain = archives.tar({**files, "b": "lib/a"})
    programs = archives.tar({"run.sh": b"#!"}, mode=0o755)

    found = unpacked(*(archives.compressed(each, how) for each in (plain, programs)))

    assert found == {"train.py": b"x", "lib/a": b"a", "b": b"lib/a", "run.sh": b"#!"}
    assert [type(found[name]) for name in ("lib/a", "b", "run.sh")] == [
        bytes,
        layers.Link,
        layers.Program,
    ]


def test_a_later_layer_lies_over_an_earlier_one() -> None:
    below, above = archives.tar({"a": b"1" * 900, "b": b"2"}), archives.tar({"a": b"3"})
    assert unpacked(below, above, limit=902) == {"a": b"3", "b": b"2"}


def test_a_file_that_there_was_no_room_for_is_never_an_empty_one() -> None:
    layers_ = ({"weights.bin": b"1" * 95}, {"train.py": b"print('hi')"}, {"weights.bin": b"2" * 5})
    told = refusal(*map(archives.tar, layers_), limit=100)
    assert told.reason == "SourceTooLarge"
    assert "'train.py'" in str(told)


def test_a_hard_link_is_the_file_that_it_is() -> None:
    linked = archives.special("b", tarfile.LNKTYPE, "./a")
    assert unpacked(archives.tar({"a": b"1", "b": linked})) == {"a": b"1", "b": b"1"}


def test_what_is_ignored_stays_out_and_counts_for_nothing() -> None:
    files = {".git/config": b"x", "big.ckpt": b"x" * 2000, "data/a": b"x" * 2000, "train.py": b"y"}
    assert unpacked(archives.tar(files), ignore=("*.ckpt", "data/"), limit=10) == {"train.py": b"y"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "no plain relative path"),
        ("../x", "no plain relative path"),
        ("a/../../x", "no plain relative path"),
        ("a\nb", "no plain relative path"),
        ("a\\b", "no plain relative path"),
        ("a//b", "no plain relative path"),
        (".wh.a", "deletes a file of a lower layer"),
        ("a/.wh..wh..opq", "deletes a file of a lower layer"),
        ("x" * 300, "no plain relative path"),
    ],
)
def test_a_hostile_name_is_refused(name: str, said: str) -> None:
    told = refusal(archives.tar({name: b"x"}))
    assert told.reason == "SourceInvalid"
    assert said in str(told)


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "lib/../../x", "b"])
def test_a_link_that_leads_out_is_refused(target: str) -> None:
    told = refusal(archives.tar({"b": target, "lib/a": b"x"}))
    assert "'b' is a link out of the source" in str(told)


def test_a_file_behind_a_link_is_refused() -> None:
    told = refusal(archives.tar({"lib": "code", "lib/a": b"x"}))
    assert "'lib' is a file and a folder" in str(told)


@pytest.mark.parametrize(
    "kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE]
)
def test_devices_pipes_and_sparse_files_are_refused(kind: bytes) -> None:
    assert refusal(archives.tar({"a": archives.special("a", kind)})).reason == "SourceInvalid"


def test_a_hard_link_to_what_is_not_there_is_refused() -> None:
    entry = archives.special("b", tarfile.LNKTYPE, "/etc/shadow")
    assert "is a hard link to '/etc/shadow'" in str(refusal(archives.tar({"b": entry})))


def test_the_largest_of_too_many_bytes_are_named() -> None:
    told = refusal(
        archives.tar({"small": b"x", "large": b"x" * 900, "more": b"x" * 500}), limit=999
    )
    assert told.reason == "SourceTooLarge"
    assert "the largest: 'large' (900 bytes), 'more' (500 bytes)" in str(told)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_is_put_out_before_it_unpacks(how: str) -> None:
    bomb = archives.compressed(archives.tar({"a": bytes(8 * MEGABYTE)}), how)
    told = refusal(bomb, limit=MEGABYTE)
    assert told.reason == "SourceTooLarge"
    assert "unpacks to more than 4194304 bytes" in str(told)


def test_many_hard_links_to_one_file_are_as_many_files() -> None:
    linked = {f"{n}": archives.special(f"{n}", tarfile.LNKTYPE, "a") for n in range(100)}
    assert refusal(archives.tar({"a": bytes(900), **linked}), limit=1000).reason == "SourceTooLarge"


def test_a_size_that_no_archive_has_is_not_waited_for() -> None:
    entry = tarfile.TarInfo("a")
    entry.size = 1 << 60
    header = entry.tobuf(tarfile.GNU_FORMAT)
    assert refusal(header + bytes(2048)).reason == "SourceTooLarge"


def test_more_names_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ENTRIES", 3)
    told = refusal(archives.tar({str(number): b"" for number in range(4)}))
    assert "more than 3 files and folders" in str(told)


def test_a_chain_of_headers_ends() -> None:
    entry = tarfile.TarInfo("x")
    entry.pax_headers = {"comment": "x"}
    header = entry.tobuf(tarfile.PAX_FORMAT)[:1024]
    assert refusal(header * 2500, limit=8 * MEGABYTE).reason == "SourceInvalid"


def test_an_artifact_of_nothing_is_refused() -> None:
    assert "holds no files" in str(refusal(archives.tar({})))


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
def test_damaged_archives_are_refused_or_read_and_nothing_else(how: str) -> None:
    whole = archives.tar({"a": b"x" * 700, "lib/b": b"y" * 600, "c": "a"})
    chance, reasons = random.Random(7), set()
    for _ in range(300):
        data = bytearray(whole if how == "plain" else archives.compressed(whole, how))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = chance.choice((len(data), chance.randrange(1, len(data))))
        try:
            unpacked(bytes(data[:cut]))
        except failing.BuildFailed as error:
            reasons.add(error.reason)
    assert "SourceInvalid" in reasons <= {"SourceInvalid", "SourceTooLarge"}
