"""Locks, by the real uv from a real index: what the base has stays, and refusals are explained."""

from __future__ import annotations

import dataclasses
import pathlib
import socket
from typing import Any

import pytest

from tests import package_index
from trainshed.buildpod import failing, resolving, uv, wishes
from trainshed.builds import inventories, requirements

wheel = package_index.wheel
BASE = inventories.Inventory(
    python="3.13",
    platform="x86_64-manylinux_2_40",
    site="/usr/lib/python3/dist-packages",
    packages={"numpy": "2.2.4", "torch": "2.6.0+debian"},
)
LOGIN = ("reader", "p a\"s's$wörd")


def stock(index: package_index.Index) -> package_index.Index:
    """Put what the tests ask for into an index."""
    index.add(wheel("numpy", "2.1.0"), wheel("numpy", "2.2.4"), wheel("numpy", "2.3.0"))
    index.add(wheel("torch", "2.6.0", requires=["nvidia-cuda==12"]))
    index.add(wheel("einops", "0.8.0"), wheel("einops", "0.8.1", requires=["numpy>=2"]))
    index.add(wheel("modern", "1.0", requires=["numpy>=2.3", "einops"]))
    index.add(wheel("lightning", "1.0", requires=["torch>=2.5", "einops"]))
    index.add(package_index.sdist("onlysource", "1.0"))
    index.add(wheel("windows", "1.0", tag="cp313-cp313-win_amd64"))
    index.add(wheel("old", "1.0", tag="cp39-cp39-manylinux_2_17_x86_64"))
    return index


def locked(
    url: str,
    work: pathlib.Path,
    *packages: str,
    base: inventories.Inventory = BASE,
    constraints: str = "",
    file: str = "",
    **index: Any,
) -> str:
    wanted = requirements.Requirements(file="r.txt" if file else "", packages=packages)
    wish = wishes.read(wanted, {"r.txt": file.encode()})
    program = uv.Uv(uv.Index(url, **index), work=work, retries=0)
    found = resolving.resolve(wish, base, program=program, work=work, constraints=constraints)
    return found.text


def refusal(url: str, work: pathlib.Path, *packages: str, **given: Any) -> failing.BuildFailed:
    with pytest.raises(failing.BuildFailed) as raised:
        locked(url, work, *packages, **given)
    return raised.value


def names(lock: str) -> list[str]:
    return [each.split(" ")[0] for each in lock.splitlines() if not each.startswith(" ")]


def test_what_the_base_has_is_not_installed_again(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    lock = locked(stock(index).url, tmp_path, "lightning", "torch", "numpy")

    assert names(lock) == ["einops==0.8.1", "lightning==1.0"]
    assert lock.count("--hash=sha256:") == 2
    assert not [path for path, _ in index.asked if "torch" in path or "numpy" in path]


@pytest.mark.parametrize(
    ("has", "asked", "lock"),
    [
        ("tensorflow-cpu", "tensorflow", []),
        ("tensorflow-cpu", "tensorflow-cpu", []),
        ("tensorflow", "tensorflow-cpu", []),
        ("onnxruntime-gpu", "onnxruntime", []),
        ("onnxruntime", "onnxruntime-gpu", ["onnxruntime-gpu==1.20"]),
    ],
)
def test_a_variant_that_the_base_has_stands_for_the_plain_package(
    index: package_index.Index, tmp_path: pathlib.Path, has: str, asked: str, lock: list[str]
) -> None:
    index.add(wheel("tensorflow", "2.22"), wheel("tensorflow-cpu", "2.22"))
    index.add(wheel("onnxruntime", "1.20"), wheel("onnxruntime-gpu", "1.20"))
    base = dataclasses.replace(BASE, packages={has: "2.21"})
    assert names(locked(index.url, tmp_path, asked, base=base)) == lock


def test_a_base_without_packages_gets_them_all(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    bare = inventories.Inventory(python="3.13", platform=BASE.platform, site="/s")

    assert names(locked(stock(index).url, tmp_path, "einops", base=bare)) == [
        "einops==0.8.1",
        "numpy==2.3.0",
    ]


def test_constraints_of_the_settings_and_of_the_file_are_kept(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    assert names(locked(stock(index).url, tmp_path, "einops", constraints="einops<0.8.1")) == [
        "einops==0.8.0"
    ]


def test_the_same_wish_gives_the_same_lock(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    stock(index)
    assert locked(index.url, tmp_path / "a", "lightning") == locked(
        index.url, tmp_path / "b", "lightning"
    )


def test_what_the_base_has_otherwise_is_a_conflict_in_the_resolvers_words(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    told = refusal(stock(index).url, tmp_path, "modern")

    assert (told.reason, told.terminal) == ("RequirementsConflict", True)
    assert "only numpy==2.2.4 is available and all versions of modern depend on" in str(told)
    assert "what the base has is never replaced" in str(told)
    assert "\n" not in str(told)


@pytest.mark.parametrize("wanted", ["einops==9", "einops<0.8.1 einops>0.8.1", "numpy==2.3.0"])
def test_versions_that_nothing_has(
    index: package_index.Index, tmp_path: pathlib.Path, wanted: str
) -> None:
    assert refusal(stock(index).url, tmp_path, *wanted.split()).reason == "RequirementsConflict"


def test_a_package_that_no_index_has(index: package_index.Index, tmp_path: pathlib.Path) -> None:
    told = refusal(stock(index).url, tmp_path, "einops", "einopps")

    assert (told.reason, told.terminal) == ("PackageNotFound", True)
    assert "einopps was not found" in str(told)
    assert index.url in str(told)


@pytest.mark.parametrize("name", ["onlysource", "windows", "old"])
def test_a_package_without_a_wheel_for_the_base(
    index: package_index.Index, tmp_path: pathlib.Path, name: str
) -> None:
    told = refusal(stock(index).url, tmp_path, name)

    assert (told.reason, told.terminal) == ("WheelMissing", True)
    assert name in str(told)


def test_no_code_of_a_source_distribution_is_run(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "ran"
    index.add(package_index.sdist("onlysource", "2.0", f"open({str(mark)!r}, 'w')"))

    assert refusal(index.url, tmp_path, "onlysource").reason == "WheelMissing"
    assert not mark.exists()


def test_an_index_that_is_down_is_waited_for(tmp_path: pathlib.Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    told = refusal(f"http://127.0.0.1:{port}/simple", tmp_path, "einops")

    assert (told.reason, told.terminal) == ("IndexUnreachable", False)


def test_an_index_that_breaks_is_waited_for(tmp_path: pathlib.Path) -> None:
    with package_index.serve(tmp_path, status=503) as index:
        told = refusal(index.url, tmp_path, "einops")
    assert (told.reason, told.terminal) == ("IndexUnreachable", False)


def test_an_index_that_nobody_vouches_for(tmp_path: pathlib.Path) -> None:
    with package_index.serve(tmp_path, tls=True) as index:
        told = refusal(stock(index).url, tmp_path, "einops")
        assert (told.reason, told.terminal) == ("IndexCertificateUnknown", True)
        assert "ca.crt" in str(told)
        assert names(locked(index.url, tmp_path, "einops", authorities=(index.authority,))) == [
            "einops==0.8.1"
        ]


def test_a_private_index_takes_the_right_password_alone(tmp_path: pathlib.Path) -> None:
    name, password = LOGIN
    with package_index.serve(tmp_path, tls=True, login=LOGIN) as index:
        stock(index)
        known: Any = {"authorities": (index.authority,)}
        none = refusal(index.url, tmp_path, "einops", **known)
        wrong = refusal(index.url, tmp_path, "einops", username=name, password="wrong-one", **known)
        right = locked(index.url, tmp_path, "einops", username=name, password=password, **known)

    assert {none.reason, wrong.reason} == {"IndexUnauthorized"}
    assert "indexSecret" in str(none)
    assert "wrong-one" not in str(wrong)
    assert names(right) == ["einops==0.8.1"]
    assert password not in right


def test_an_index_that_forbids(tmp_path: pathlib.Path) -> None:
    with package_index.serve(tmp_path, status=403) as index:
        assert refusal(index.url, tmp_path, "einops").reason == "IndexUnauthorized"


@pytest.mark.parametrize("name", ["password", "username"])
def test_credentials_are_given_to_no_index_without_tls(tmp_path: pathlib.Path, name: str) -> None:
    # Some indexes take a token as the name alone.
    (tmp_path / name).write_text("secret")
    with pytest.raises(failing.BuildFailed, match="without TLS"):
        uv.read_index("http://index.example/simple", tmp_path)


def test_a_lock_of_the_users_own_is_taken_as_it_is(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    lock = locked(stock(index).url, tmp_path / "a", "lightning")
    kept = f"{lock}numpy==2.2.4 --hash=sha256:{'0' * 64}\n"
    index.asked.clear()

    assert names(locked(index.url, tmp_path / "b", file=kept)) == names(lock)
    assert index.asked == []


def test_a_lock_that_contradicts_the_base_says_both_versions(
    index: package_index.Index, tmp_path: pathlib.Path
) -> None:
    told = refusal(index.url, tmp_path, file=f"numpy==2.1.0 --hash=sha256:{'0' * 64}\n")

    assert told.reason == "RequirementsConflict"
    assert "numpy: the lock has 2.1.0, the base 2.2.4" in str(told)
