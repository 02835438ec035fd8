"""Files of requirements: only names and versions pass, and what does not is said by its line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from trainshed.buildpod import failing, locks, wishes
from trainshed.builds import requirements

ZEROS = "0" * 64
PYLOCK = f"""
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "einops"
version = "0.8.1"
index = "https://pypi.org/simple"
sdist = {{ url = "https://x/einops.tar.gz", hashes = {{ sha256 = "{"1" * 64}" }} }}
wheels = [{{ url = "https://x/einops.whl", hashes = {{ sha256 = "{ZEROS}" }} }}]
[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
wheels = [{{ url = "https://x/colorama.whl", hashes = {{ sha256 = "{ZEROS}" }} }}]
"""


def read(text: str, name: str = "requirements.txt", **files: str) -> wishes.Wish:
    held = {name: text.encode(), **{each: content.encode() for each, content in files.items()}}
    return wishes.read(requirements.Requirements(file=name), held)


def lines(text: str) -> Sequence[str]:
    return read(text).lines


def test_what_people_write_is_understood() -> None:
    text = """\
# The model
einops == 0.8.1    # a comment
lightning[extra]>=2.5,<3 ; python_version >= "3.11"

rich \\
    >= 14
"""
    assert lines(text) == [
        "einops==0.8.1",
        'lightning[extra]<3,>=2.5; python_version >= "3.11"',
        "rich>=14",
    ]


def test_a_list_and_a_file_go_together() -> None:
    wanted = requirements.Requirements(file="r.txt", packages=("rich", "einops==0.8.1"))
    assert wishes.read(wanted, {"r.txt": b"\xef\xbb\xbfscipy\r\n"}).lines == [
        "scipy",
        "rich",
        "einops==0.8.1",
    ]


def test_files_that_a_file_includes_are_read_beside_it() -> None:
    found = wishes.read(
        requirements.Requirements(file="envs/train.txt"),
        {
            "envs/train.txt": b"-r base.txt\n-c ../limits.txt\nrich\n",
            "envs/base.txt": b"einops\n",
            "limits.txt": b"einops<1\n",
        },
    )
    assert (found.lines, found.constraints) == (["einops", "rich"], ["einops<1"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--index-url https://evil.example/simple", "source.requirements.index"),
        ("einops --index-url=https://evil.example/simple", "--index-url is not taken here"),
        ("--extra-index-url https://evil.example", "source.requirements.index"),
        ("-i https://evil.example", "source.requirements.index"),
        ("-f /etc", "-f is not taken here"),
        ("--find-links .", "--find-links is not taken"),
        ("--trusted-host x", "indexSecret"),
        ("--no-binary :all:", "--no-binary is not taken"),
        ("--pre", "--pre is not taken"),
        ("-e .", "on PYTHONPATH as it is"),
        ("-e git+https://git.example/a.git#egg=a", "on PYTHONPATH as it is"),
        ("git+https://git.example/a.git", "a place of its own"),
        ("a @ git+https://git.example/a.git", "a place of its own"),
        ("a @ https://x.example/a.whl", "a place of its own"),
        ("a @ file:///etc/passwd", "a place of its own"),
        ("./wheels/a.whl", "a place of its own"),
        ("/etc/passwd", "a place of its own"),
        ("../a", "a place of its own"),
        ("~/a", "a place of its own"),
        ("file:///etc/passwd", "a place of its own"),
        ("-r https://evil.example/r.txt", "not in the source"),
        ("-r /etc/passwd", "not in the source"),
        ("-r ../../etc/passwd", "not in the source"),
        ("einops = 1", "is no requirement"),
        ("einops=>1", "is no requirement"),
        ("!pip install einops", "is no requirement"),
        ("<html>", "is no requirement"),
        ("einops==0.8.1 $(id)", "is no requirement"),
        ("${PACKAGE}==1", "is no requirement"),
    ],
)
def test_lines_that_are_not_taken_are_named(text: str, said: str) -> None:
    with pytest.raises(failing.BuildFailed) as told:
        read(f"rich\n\n{text}\n")
    assert (told.value.reason, told.value.terminal) == ("RequirementsInvalid", True)
    assert "line 3 of requirements.txt" in str(told.value)
    assert said in str(told.value)


def test_a_line_in_the_job_itself_is_named_by_its_field() -> None:
    wanted = requirements.Requirements(packages=("rich", "einops=1"))
    with pytest.raises(failing.BuildFailed, match=r"source\.requirements\.packages: 'einops=1'"):
        wishes.read(wanted, {})


def test_a_file_that_is_not_there_is_told_with_those_that_are() -> None:
    wanted = requirements.Requirements(file="requirements.txt")
    with pytest.raises(failing.BuildFailed, match=r"it has reqs\.txt") as told:
        wishes.read(wanted, {"reqs.txt": b"", "train.py": b""})
    assert told.value.reason == "RequirementsNotFound"


@pytest.mark.parametrize(
    "loop", [{"a.txt": "-r a.txt"}, {"a.txt": "-r b.txt", "b.txt": "-r a.txt"}]
)
def test_files_that_include_each_other_end(loop: dict[str, str]) -> None:
    with pytest.raises(failing.BuildFailed, match="includes itself"):
        read("-r a.txt", **loop)


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(failing.BuildFailed, match="no text"):
        wishes.read(requirements.Requirements(file="r.txt"), {"r.txt": b"\xff\xfe\x00"})


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(failing.BuildFailed, match="5001 requirements"):
        read("".join(f"p{number}\n" for number in range(5001)))


def test_a_file_with_hashes_is_a_lock() -> None:
    found = read(f"einops==0.8.1 \\\n    --hash=sha256:{ZEROS} \\\n    --hash=sha256:{'1' * 64}\n")
    assert found.locked
    assert found.lines == [f"einops==0.8.1 --hash=sha256:{ZEROS} --hash=sha256:{'1' * 64}"]


@pytest.mark.parametrize("version", [">=1", "==1.*", "==1,<2", ""])
def test_a_hash_is_of_one_version(version: str) -> None:
    with pytest.raises(failing.BuildFailed, match="no exact version"):
        read(f"einops{version} --hash=sha256:{ZEROS}")


@pytest.mark.parametrize("more", ["rich==14\n", "rich\n"])
def test_half_a_lock_is_refused(more: str) -> None:
    with pytest.raises(failing.BuildFailed, match="lock the file as a whole"):
        read(f"einops==0.8.1 --hash=sha256:{ZEROS}\n{more}")


def test_a_lock_and_more_packages_are_refused() -> None:
    wanted = requirements.Requirements(file="r.txt", packages=("rich",))
    with pytest.raises(failing.BuildFailed, match="it is the whole lock"):
        wishes.read(wanted, {"r.txt": f"einops==0.8.1 --hash=sha256:{ZEROS}".encode()})


def test_a_pylock_is_a_lock_whose_markers_are_kept() -> None:
    found = read(PYLOCK, "pylock.toml")
    assert found.locked
    assert found.lines == [
        f"einops==0.8.1 --hash=sha256:{ZEROS} --hash=sha256:{'1' * 64}",
        f'colorama==0.4.6; sys_platform == "win32" --hash=sha256:{ZEROS}',
    ]
    chosen = locks.on_base(found.lines, {}, locks.environment("3.13", "x86_64-manylinux_2_40"))
    assert [locks.name(each) for each in chosen.text.splitlines() if each[0] != " "] == ["einops"]


def test_the_dependencies_of_a_project_are_wanted() -> None:
    text = '[project]\nname = "a"\ndependencies = ["einops>=0.8", "rich"]\n'
    assert read(text, "pyproject.toml").lines == ["einops>=0.8", "rich"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", '[project]\ndynamic = ["dependencies"]', "no list"),
        ("pyproject.toml", "[tool.x]", "no list"),
        ("pyproject.toml", "not toml", "pyproject.toml: "),
        ("pylock.toml", '[[packages]]\nname = "a"\nvcs = {url = "git+x"}', "a place of its own"),
        ("pylock.toml", '[[packages]]\nname = "a"\nversion = "1"', "no sha256"),
        ("uv.lock", "version = 1", "uv export --format pylock.toml"),
    ],
)
def test_locks_and_projects_that_can_not_be_used(name: str, text: str, said: str) -> None:
    with pytest.raises(failing.BuildFailed) as told:
        read(text, name)
    assert told.value.reason == "RequirementsInvalid"
    assert said in str(told.value)


def test_a_lock_loses_what_the_base_has_with_all_its_lines() -> None:
    lock = (
        "a==1 \\\n    --hash=sha256:1\nTorch_X==2 \\\n    --hash=sha256:2\nb==3 \\\n    --hash=x\n"
    )
    assert locks.without(lock, {"torch-x"}) == (
        "a==1 \\\n    --hash=sha256:1\nb==3 \\\n    --hash=x\n"
    )


@pytest.mark.parametrize(
    ("packages", "file", "pinned"),
    [
        (("einops==0.8.1",), "", True),
        (("einops[x] == 0.8.1 ; python_version > '3'", "b===1"), "", True),
        (("einops==0.8.1", "rich"), "", False),
        (("einops>=0.8.1",), "", False),
        (("einops==0.8.*",), "", False),
        (("einops==0.8.1,<9",), "", False),
        ((), "requirements.txt", False),
    ],
)
def test_only_exact_versions_are_pinned(packages: tuple[str, ...], file: str, pinned: bool) -> None:
    assert requirements.Requirements(packages=packages, file=file).pinned is pinned


def test_a_lock_that_was_chosen_elsewhere_is_read_as_a_users() -> None:
    found = wishes.lock(f"einops==0.8.1 \\\n    --hash=sha256:{ZEROS}\n")
    assert (found.lines, found.locked) == ([f"einops==0.8.1 --hash=sha256:{ZEROS}"], True)
    assert wishes.lock("").locked


@pytest.mark.parametrize(
    "text",
    [
        "einops==0.8.1",
        f"einops --hash=sha256:{ZEROS}",
        f"einops @ https://evil.example/a.whl --hash=sha256:{ZEROS}",
        "--index-url https://evil.example",
        "-r other.txt",
        "-c limits.txt",
    ],
)
def test_what_is_no_lock_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(failing.BuildFailed):
        wishes.lock(text)
