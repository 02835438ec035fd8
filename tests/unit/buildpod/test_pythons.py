"""Which Python a base has, and what that Python imports, by its layers alone."""

from __future__ import annotations

import io
import pathlib
import tracemalloc
from typing import Any

import pytest

from tests.unit.buildpod import roots
from trainshed.buildpod import failing, listings, pythons
from trainshed.builds import inventories

SITE = "usr/lib/python3/dist-packages"
CONDA_PATH = {"PATH": "/opt/conda/bin:/usr/bin:/bin"}
VENV_PATH = {"PATH": "/opt/venv/bin:/usr/bin"}


def listing(*layers: roots.Tree) -> listings.Listing:
    found = listings.Listing()
    for each in layers:
        found.add(roots.layer(each))
    return found


def stock(*layers: roots.Tree, architecture: str = "amd64", **env: str) -> inventories.Inventory:
    return pythons.take_stock(listing(*layers), env, architecture)


@pytest.mark.parametrize(
    ("tree", "env", "python", "platform", "site", "packages"),
    [
        (
            roots.DEBIAN,
            {},
            "3.13",
            "x86_64-manylinux_2_40",
            f"/{SITE}",
            {"torch": "2.6.0+debian", "pyyaml": "6.0.2", "six": "1.17.0"},
        ),
        (
            roots.SLIM,
            {},
            "3.12",
            "x86_64-manylinux_2_40",
            "/usr/local/lib/python3.12/site-packages",
            {"pip": "24.0"},
        ),
        (
            roots.VENV,
            VENV_PATH,
            "3.13",
            "x86_64-manylinux_2_40",
            "/opt/venv/lib/python3.13/site-packages",
            {"numpy": "2.2.4"},
        ),
        (
            roots.CONDA,
            CONDA_PATH,
            "3.11",
            "x86_64-manylinux_2_40",
            "/opt/conda/lib/python3.11/site-packages",
            {"pytorch-lightning": "2.5.0"},
        ),
        (
            roots.MUSL,
            {},
            "3.12",
            "x86_64-unknown-linux-musl",
            "/usr/lib/python3.12/site-packages",
            {"numpy": "2.1.0"},
        ),
        (
            roots.FEDORA,
            {},
            "3.13",
            "x86_64-manylinux_2_40",
            "/usr/lib64/python3.13/site-packages",
            {"numpy": "2.2.4", "six": "1.16.0"},
        ),
    ],
    ids=["Debian", "python:slim", "virtual environment", "conda", "musl", "Fedora"],
)
def test_bases_as_they_are_made(
    tree: roots.Tree,
    env: dict[str, str],
    python: str,
    platform: str,
    site: str,
    packages: dict[str, str],
) -> None:
    found = stock(tree, **env)

    assert (found.python, found.platform, found.site) == (python, platform, site)
    assert found.packages == packages
    assert inventories.load(found.dump()) == found


def test_a_virtual_environment_may_see_the_systems_packages() -> None:
    settings = "home = /usr/bin\ninclude-system-site-packages = true\nversion = 3.13.5\n"
    found = stock(roots.VENV, {"opt/venv/pyvenv.cfg": settings}, **VENV_PATH)

    assert found.packages["numpy"] == "2.2.4"
    assert found.packages["torch"] == "2.6.0+debian"
    assert found.site == f"/{SITE}"


def test_a_virtual_environment_with_a_copied_python() -> None:
    copied = {"opt/venv/bin/python3": b"\x7fELF"}
    assert stock(roots.VENV, copied, **VENV_PATH).python == "3.13"


def test_what_a_base_puts_on_pythonpath_is_its_own_too() -> None:
    extra = roots.distribution("srv/lib", "jax", "0.6.0")
    assert stock(roots.DEBIAN, extra, PYTHONPATH="/srv/lib").packages["jax"] == "0.6.0"


def test_folders_that_pth_files_add_are_its_own_too() -> None:
    pth = {f"{SITE}/more.pth": "import evil; evil()\n# no\n/srv/lib\nnear\n"}
    near = roots.distribution(f"{SITE}/near", "close", "1.0")
    far = roots.distribution("srv/lib", "jax", "0.6.0")
    found = stock(roots.DEBIAN, pth, near, far).packages
    assert (found["jax"], found["close"]) == ("0.6.0", "1.0")


def test_the_first_folder_that_is_imported_from_wins() -> None:
    newer = roots.distribution("usr/local/lib/python3.13/dist-packages", "torch", "2.8.0")
    assert stock(roots.DEBIAN, newer).packages["torch"] == "2.8.0"


@pytest.mark.parametrize(
    ("upper", "has"),
    [
        ({f"{SITE}/.wh.torch-2.6.0+debian.dist-info": ""}, False),
        ({f"{SITE}/torch-2.6.0+debian.dist-info/.wh.METADATA": ""}, False),
        ({"usr/lib/python3/.wh.dist-packages": "", SITE: None}, False),
        ({f"{SITE}/.wh..wh..opq": ""}, False),
        ({f"{SITE}/torch-2.6.0+debian.dist-info": "now a file"}, False),
        ({f"{SITE}/.wh.other": ""}, True),
        ({f"{SITE}/torch-2.6.0+debian.dist-info": None}, True),
        ({"lib/python3/dist-packages/.wh.torch-2.6.0+debian.dist-info": ""}, False),
        ({"./usr/lib/python3/dist-packages/.wh.torch-2.6.0+debian.dist-info": ""}, False),
    ],
    ids=[
        "a folder is gone",
        "a file is gone",
        "all above is gone",
        "the folder is emptied",
        "a file in its place",
        "another is gone",
        "the folder is named again",
        "by way of a link",
        "with a dot in front",
    ],
)
def test_what_a_layer_hides_is_not_there(upper: roots.Tree, has: bool) -> None:
    assert ("torch" in stock(roots.DEBIAN, upper).packages) is has


def test_what_a_layer_hides_and_has_itself_is_there() -> None:
    upper = {
        f"{SITE}/.wh..wh..opq": "",
        **roots.distribution(SITE, "torch", "2.7.0"),
    }
    assert stock(roots.DEBIAN, upper).packages == {"torch": "2.7.0"}


def test_a_link_that_a_folder_replaces_is_followed_no_more() -> None:
    upper = {"lib": None, "lib/python3": None}
    found = listing(roots.DEBIAN, upper)
    assert found.resolve("lib/python3/dist-packages") == "lib/python3/dist-packages"


@pytest.mark.parametrize(
    ("tree", "architecture", "said"),
    [
        ({"bin/sh": b""}, "amd64", "no python3 on its PATH"),
        ({**roots.DEBIAN, "usr/bin/python3": "->python4"}, "amd64", "no python3"),
        ({**roots.DEBIAN, "usr/bin/python3": "->python3"}, "amd64", "no python3"),
        (roots.DEBIAN, "s390x", "architecture, 's390x'"),
        ({k: v for k, v in roots.DEBIAN.items() if "libc" not in k}, "amd64", "neither glibc"),
        ({**roots.DEBIAN, "usr/lib/x86_64-linux-gnu/libc.so.6": roots.GLIBC.replace(b"2.41",
          b"2.12")}, "amd64", "2.12, is too old"),
        ({k: v for k, v in roots.DEBIAN.items() if "python3.13" not in k} | {
            "usr/bin/python3": b""}, "amd64", "which version"),
    ],
    ids=["none", "dangling", "a link to itself", "architecture", "no libc", "old libc", "unnamed"],
)  # fmt: skip
def test_bases_that_no_package_can_be_put_onto(
    tree: roots.Tree, architecture: str, said: str
) -> None:
    with pytest.raises(failing.BuildFailed, match=said) as told:
        stock(tree, architecture=architecture)
    assert (told.value.reason, told.value.terminal) == ("BaseWithoutPython", True)
    assert "image.base" in str(told.value)


def test_another_architectures_base_is_read_as_well() -> None:
    tree = {k.replace("x86_64", "aarch64"): v for k, v in roots.DEBIAN.items()}
    assert stock(tree, architecture="arm64").platform == "aarch64-manylinux_2_40"


@pytest.mark.parametrize(
    "upper",
    [
        {"../../etc/passwd": "root"},
        {"usr/../../x/torch-9.dist-info/METADATA": roots.metadata("torch", "9")},
        {"a": "->b", "b": "->a", "a/python3": b""},
        {f"{SITE}/evil.dist-info/METADATA": "Name: a/../../b\nVersion: 1\n"},
        {f"{SITE}/evil.dist-info/METADATA": "Name: evil\nVersion: $(id)\n"},
        {f"{SITE}/evil.dist-info/METADATA": b"\xff\xfe\x00"},
        {f"{SITE}/evil.dist-info/METADATA": ""},
    ],
)
def test_hostile_files_add_nothing(upper: roots.Tree) -> None:
    assert stock(roots.DEBIAN, upper) == stock(roots.DEBIAN)


def test_a_large_file_is_not_held() -> None:
    large = {f"{SITE}/huge.pth": b"x" * 50_000_000, "data/model.bin": b"y" * 50_000_000}
    tar = roots.layer(large)
    found = listings.Listing()
    tracemalloc.start()
    found.add(tar)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_base_of_countless_links_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_MOST", 10)
    with pytest.raises(listings.TooMuch):
        listing({f"l{number}": "->x" for number in range(12)})


def test_layers_are_read_from_a_stream_that_can_not_go_back() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, data: io.BytesIO) -> None:
            self.data = data

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.data.readinto(buffer)

    found = listings.Listing()
    found.add(io.BufferedReader(Pipe(roots.layer(roots.DEBIAN))))
    assert found.resolve("bin/python3") == "usr/bin/python3.13"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"python":"2.7","platform":"x","site":"/s","packages":{}}',
        '{"python":"3.13","platform":"x; rm","site":"/s","packages":{}}',
        '{"python":"3.13","platform":"x","site":"s","packages":{}}',
        '{"python":"3.13","platform":"x","site":"/s/../etc","packages":{}}',
        '{"python":"3.13","platform":"x","site":"/s\\n","packages":{}}',
        '{"python":"3.13","platform":"x","site":"/s","packages":{"a b":"1"}}',
        '{"python":"3.13","platform":"x","site":"/s","packages":{"../a":"1"}}',
        '{"python":"3.13","platform":"x","site":"/s","packages":{"a":"1\\n--index-url x"}}',
    ],
)
def test_an_inventory_that_somebody_else_wrote_is_taken_only_if_sound(text: str) -> None:
    with pytest.raises(ValueError, match=r"error|site folder"):
        inventories.load(text)


def test_this_machines_own_python_is_found(tmp_path: pathlib.Path) -> None:
    """What `venv` really writes, not what we think that it does."""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    settings = (tmp_path / "v/pyvenv.cfg").read_text()
    tree = {**roots.VENV, "opt/venv/pyvenv.cfg": settings}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert stock(tree, **VENV_PATH).python == version
