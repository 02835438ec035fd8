"""Packages of a job: installed beside what the base has, sent once, or refused with the reason."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import git_server, package_index
from tests.e2e import conftest, secrecy
from tests.unit.registry import images

pytestmark = pytest.mark.usefixtures("judged")
wheel = package_index.wheel
REASON_SECONDS = 120.0
LOGIN = ("reader", "hunter2-secret")
LARGE = 9 * 1024 * 1024
NOISE = random.Random(6).randbytes(LARGE)
"""What no compression makes smaller."""
CODE = """\
import numpy, sys
import greeter, heavy
print("greeter", greeter.V, "of", greeter.__file__)
print("hooked", getattr(sys, "hooked", False))
print("numpy of", numpy.__file__)
"""


@pytest.fixture
def host(info: conftest.Body) -> str:
    """Return this machine's address as pods see it."""
    return str(info["registry"]["pull"].partition(":")[0])


@pytest.fixture
def index(host: str, tmp_path: pathlib.Path) -> Iterator[package_index.Index]:
    """Serve packages to the pods of the cluster."""
    with package_index.serve(tmp_path, host=host) as found:
        found.add(
            wheel("greeter", "1.0", requires=["numpy", "hooked"], scripts={"greet": "greeter:V"}),
            wheel("hooked", "1.0", {"hooked.pth": "import sys; sys.hooked = True\n"}),
            wheel("heavy", "1.0", {"heavy.py": "V = '1.0'\n", "heavy.bin": NOISE}),
            wheel("extra", "1.0"),
            # What the base has must not be taken from here.
            wheel("numpy", "99.0", {"numpy/__init__.py": "raise SystemExit('not of the base')"}),
            wheel("numpyish", "1.0", requires=["numpy>=99"]),
            package_index.sdist("onlysource", "1.0"),
        )
        yield found


def job(code: str, url: str, *packages: str, **more: Any) -> conftest.Body:
    """Return the spec of a script with packages."""
    wanted = {"index": url, **more}
    if packages:
        wanted["packages"] = list(packages)
    source = {"inline": {"files": {"train.py": code}}, "requirements": wanted}
    return {"framework": "pytorch", "source": source}


def said(namespace: conftest.Namespace, name: str) -> str:
    """Return the log of a job's pod."""
    pod = next(
        each["metadata"]["name"]
        for each in namespace.api.get(namespace.pods)["items"]
        if each["metadata"]["labels"].get("trainshed.dev/job") == name
    )
    return str(namespace.api.http.get(f"{namespace.pods}/{pod}/log").text)


def large(info: conftest.Body, ref: str) -> list[str]:
    """Return the digests of an image's layers that hold the large package."""
    own = secrecy.Registry(info).own_layers(ref)
    return [each["digest"] for each in own if each["size"] > LARGE]


def test_packages_are_imported_beside_what_the_base_has(
    namespace: conftest.Namespace, index: package_index.Index, info: conftest.Body
) -> None:
    namespace.apply("first", job(CODE, index.url, "greeter==1.0", "heavy"))
    first = namespace.finished("first")
    assert first["phase"] == "Succeeded", first
    log = said(namespace, "first")
    assert "greeter 1.0 of /opt/trainshed/packages/greeter.py" in log
    assert "hooked True" in log
    assert "numpy of /usr/lib/python3/dist-packages" in log
    assert first["image"]["lockHash"].startswith("sha256:")

    # The code alone is another: what was installed lies there already.
    other = f"print('again')\n{CODE}"
    namespace.apply("second", job(other, index.url, "greeter==1.0", "heavy"))
    second = namespace.finished("second")
    assert second["phase"] == "Succeeded", second
    assert second["image"]["lockHash"] == first["image"]["lockHash"]
    assert second["image"]["ref"] != first["image"]["ref"]

    # One more package: the large one's layer is not sent again.
    namespace.apply("third", job(CODE, index.url, "greeter==1.0", "heavy", "extra"))
    third = namespace.finished("third")
    assert third["phase"] == "Succeeded", third
    sent = [each["image"]["uploadedBytes"] for each in (first, second, third)]
    assert sent[0] > LARGE
    assert max(sent[1:]) < LARGE / 2
    (one,), (other,) = (large(info, each["image"]["ref"]) for each in (first, third))
    assert one == other


def test_the_same_packages_in_another_build_send_nothing(
    namespace: conftest.Namespace, index: package_index.Index, host: str, tmp_path: pathlib.Path
) -> None:
    with git_server.serve(tmp_path / "served", host=host) as server:
        files = {"train.py": "import greeter", "envs/train.txt": "greeter==1.0\n# and no more\n"}
        commit = server.repository("code").commit(files)
        git = {"url": f"{server.url}/code/.git", "ref": "main"}
        wanted = {"file": "envs/train.txt", "index": index.url}
        images = []
        for name in ("first", "second"):
            source = {"git": git, "requirements": wanted, "maxBytes": f"{len(images) + 1}Mi"}
            namespace.apply(name, {"framework": "pytorch", "source": source})
            status = namespace.finished(name)
            assert status["phase"] == "Succeeded", status
            images.append(status["image"])

    first, second = images
    assert first["sourceRevision"] == second["sourceRevision"] == commit
    assert (second["ref"], second["cacheHit"], second["uploadedBytes"]) == (first["ref"], True, 0)


@pytest.mark.parametrize(
    ("packages", "reason", "words"),
    [
        (["onlysource"], "WheelMissing", "onlysource"),
        (["greeeter"], "PackageNotFound", "greeeter was not found"),
        (["numpyish"], "RequirementsConflict", "numpyish depend on numpy>=99"),
        (["greeter=1"], "RequirementsInvalid", "write NAME==VERSION"),
        (["greeter @ https://evil.example/a.whl"], "RequirementsInvalid", "the index alone"),
    ],
)
def test_what_can_not_be_installed_ends_the_job_with_the_reason(
    namespace: conftest.Namespace,
    index: package_index.Index,
    packages: list[str],
    reason: str,
    words: str,
) -> None:
    namespace.apply("refused", job(CODE, index.url, *packages))
    message = namespace.told("refused", "Failed", reason, seconds=REASON_SECONDS)
    assert words in message


def test_a_file_that_the_source_lacks(
    namespace: conftest.Namespace, index: package_index.Index
) -> None:
    namespace.apply("lacks", job(CODE, index.url, file="requirements.txt"))
    message = namespace.told("lacks", "Failed", "RequirementsNotFound", seconds=REASON_SECONDS)
    assert "requirements.txt" in message


def test_an_index_that_is_down_is_waited_for(namespace: conftest.Namespace, host: str) -> None:
    namespace.apply("down", job(CODE, f"http://{host}:1/simple", "greeter"))
    message = namespace.told("down", "ImageReady", "IndexUnreachable", seconds=REASON_SECONDS)
    assert "tried again" in message


def test_a_private_index_is_opened_by_its_secret_alone(
    namespace: conftest.Namespace, info: conftest.Body, host: str, tmp_path: pathlib.Path
) -> None:
    secrets = f"/api/v1/namespaces/{namespace.name}/secrets"
    with package_index.serve(tmp_path, host=host, login=LOGIN, tls=True) as index:
        index.add(wheel("greeter", "1.0"))
        right = {"username": LOGIN[0], "password": LOGIN[1], "ca.crt": index.authority}
        for name, data in {
            "right": right,
            "wrong": {**right, "password": "wrong-secret"},
            "unknown": {name: right[name] for name in ("username", "password")},
        }.items():
            namespace.api.create(secrets, {"metadata": {"name": name}, "stringData": data})
            given = job("import greeter", index.url, "greeter", indexSecret={"name": name})
            namespace.apply(name, given)
        namespace.told("wrong", "Failed", "IndexUnauthorized", seconds=REASON_SECONDS)
        namespace.told("unknown", "Failed", "IndexCertificateUnknown", seconds=REASON_SECONDS)
        assert namespace.finished("right")["phase"] == "Succeeded"

    secrecy.check(namespace, info, LOGIN[1], ":".join(LOGIN), "wrong-secret", shown="greeter")


def test_a_base_without_python(
    namespace: conftest.Namespace, index: package_index.Index, info: conftest.Body
) -> None:
    base = f"{info['registry']['pull']}/trainshed/empty:1"
    # Made by the test: one file, and no Python.
    _push_empty(info, "trainshed/empty", "1")
    namespace.apply("bare", {**job(CODE, index.url, "greeter"), "image": {"base": base}})
    message = namespace.told("bare", "Failed", "BaseWithoutPython", seconds=REASON_SECONDS)
    assert "no python3 on its PATH" in message


def _push_empty(info: conftest.Body, repository: str, tag: str) -> None:
    image = images.image({"etc/hello": b"hello"})
    url = f"{info['registry']['push']}/v2/{repository}"
    with httpx.Client(trust_env=False) as http:
        for digest, data in image.blobs.items():
            place = http.post(f"{url}/blobs/uploads/").raise_for_status().headers["Location"]
            separator = "&" if "?" in place else "?"
            put = httpx.URL(url).join(f"{place}{separator}digest={digest}")
            http.put(put, content=data).raise_for_status()
        headers = {"Content-Type": image.media_type}
        http.put(
            f"{url}/manifests/{tag}", content=image.manifest, headers=headers
        ).raise_for_status()
