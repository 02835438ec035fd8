"""Packages that have no wheel: built on the kubelet where no Secret is, and imported."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from tests import package_index
from tests.e2e import conftest

pytestmark = pytest.mark.usefixtures("judged")
project, wheel = package_index.project, package_index.wheel
BUILD_SECONDS = 240.0
PASSWORD = "hunter2-of-push"
CODE = """\
import greeter, native, numpy
print("greeter", greeter.V, "of", greeter.__file__)
print("native", native.answer(), "of", native.__file__)
print("numpy of", numpy.__file__)
"""
NATIVE = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", "", -1, methods};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
"""
COMPILES = f"""\
import subprocess, sysconfig
pathlib.Path("native.c").write_text({NATIVE!r})
headers = sysconfig.get_path("include")
command = ["gcc", "-shared", "-fPIC", "-I", headers, "-o", "native.so", "native.c"]
subprocess.run(command, check=True)
del files["native.py"]
files["native.so"] = pathlib.Path("native.so").read_bytes()
"""
LOOKS = textwrap.dedent("""\
    import os
    places = ("/etc/trainshed", "/var/run/secrets", "/work", "/app")
    found = [each for each in places if os.path.exists(each)]
    written = [each for each in ("/usr", "/wish") if os.access(each, os.W_OK)]
    mounts = open("/proc/self/mountinfo").read().splitlines()
    found += [each for each in mounts if "~secret" in each or "~projected" in each]
    found += [each for each in os.environ if "SECRET" in each or "TOKEN" in each]
    raise SystemExit(f"error: found {found}, may write {written}, as {os.getuid()}")
    """)


@pytest.fixture
def index(info: conftest.Body, tmp_path: pathlib.Path) -> Iterator[package_index.Index]:
    """Serve packages to the pods of the cluster, most of them as source alone."""
    host = str(info["registry"]["pull"].partition(":")[0])
    with package_index.serve(tmp_path, host=host) as found:
        found.add(
            # What the base has must not be taken from here.
            wheel("numpy", "99.0", {"numpy/__init__.py": "raise SystemExit('not of the base')"}),
            project("greeter", "1.0", requires=["numpy", "native"], dynamic=True),
            project("native", "1.0", tag="cp313-cp313-linux_x86_64", does=COMPILES),
            project("plain", "1.0"),
            project("looks", "1.0", does=LOOKS),
            project("broken", "1.0", does="raise RuntimeError('no such luck')"),
            project("hangs", "1.0", does="time.sleep(3600)"),
            project("liar", "1.0", made=("", "2.0")),
        )
        yield found


def job(url: str, *packages: str, code: str = "print('trained')", **more: Any) -> conftest.Body:
    """Return the spec of a script whose packages may be built."""
    wanted = {"index": url, "packages": list(packages), "wheelsOnly": False}
    source = {"inline": {"files": {"train.py": code}}, "requirements": wanted}
    return {"framework": "pytorch", "source": source, **more}


def said(namespace: conftest.Namespace, name: str) -> str:
    """Return the log of a job's pod."""
    pod = next(
        each["metadata"]["name"]
        for each in namespace.api.get(namespace.pods)["items"]
        if each["metadata"]["labels"].get("trainshed.dev/job") == name
    )
    return str(namespace.api.http.get(f"{namespace.pods}/{pod}/log").text)


def test_packages_of_source_alone_are_built_and_imported_by_the_training(
    namespace: conftest.Namespace, index: package_index.Index
) -> None:
    namespace.apply("first", job(index.url, "greeter==1.0", code=CODE))
    first = namespace.finished("first", seconds=BUILD_SECONDS)

    assert first["phase"] == "Succeeded", first
    log = said(namespace, "first")
    assert "greeter 1.0 of /opt/trainshed/packages/greeter.py" in log
    assert "native 42 of /opt/trainshed/packages/native.so" in log
    assert "numpy of /usr/lib/python3/dist-packages" in log
    assert first["image"]["lockHash"].startswith("sha256:")

    namespace.apply("again", job(index.url, "greeter==1.0", code=CODE))
    again = namespace.finished("again", seconds=BUILD_SECONDS)
    assert (again["image"]["ref"], again["image"]["cacheHit"]) == (first["image"]["ref"], True)
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    assert len(namespace.api.get(namespace.workloads, **chosen)["items"]) == 1


def test_without_a_development_image_pure_python_is_built_in_the_builders_own(
    namespace: conftest.Namespace, index: package_index.Index, info: conftest.Body
) -> None:
    base = {"base": f"{info['registry']['pull']}/trainshed/pytorch:dev"}
    code = "import plain\nprint('plain', plain.V)"
    given = job(index.url, "plain==1.0", code=code, image=base)
    namespace.apply("plain", {**given, "framework": "custom"})
    status = namespace.finished("plain", seconds=BUILD_SECONDS)

    assert status["phase"] == "Succeeded", status
    assert "plain 1.0" in said(namespace, "plain")


def test_extensions_of_the_source_and_packages_are_built_side_by_side(
    namespace: conftest.Namespace, index: package_index.Index
) -> None:
    setup = (
        "from setuptools import Extension, setup\n"
        "setup(name='own', version='1.0', packages=[], ext_modules=[Extension('own', ['own.c'])])\n"
    )
    code = "import own, native\nprint('both', own.answer() + native.answer())"
    given = job(index.url, "native==1.0", code=code)
    files = {"setup.py": setup, "own.c": NATIVE.replace("native", "own"), "train.py": code}
    source = {**given["source"], "inline": {"files": files}, "compile": True}
    namespace.apply("both", {**given, "source": source})
    status = namespace.finished("both", seconds=BUILD_SECONDS)

    assert status["phase"] == "Succeeded", status
    assert "both 84" in said(namespace, "both")


def test_a_build_finds_no_secret_to_read(
    namespace: conftest.Namespace, index: package_index.Index, info: conftest.Body
) -> None:
    host = str(info["registry"]["pull"])
    path = f"/api/v1/namespaces/{namespace.name}/secrets"
    logins = f'{{"auths": {{"{host}": {{"username": "pusher", "password": "{PASSWORD}"}}}}}}'
    made = {
        "metadata": {"name": "push"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": logins},
    }
    namespace.api.create(path, made)
    namespace.apply("looks", job(index.url, "looks", image={"pushSecret": {"name": "push"}}))
    message = namespace.told("looks", "Failed", "WheelBuildFailed", seconds=BUILD_SECONDS)

    assert "error: found [], may write [], as 65532" in message


@pytest.mark.parametrize(
    ("package", "reason", "words"),
    [
        ("broken", "WheelBuildFailed", "RuntimeError: no such luck"),
        ("liar", "PackageInvalid", "it made 'liar-2.0-py3-none-any.whl'"),
    ],
)
def test_a_package_that_can_not_be_built_ends_the_job_with_the_reason(
    namespace: conftest.Namespace,
    index: package_index.Index,
    package: str,
    reason: str,
    words: str,
) -> None:
    namespace.apply("refused", job(index.url, package))
    message = namespace.told("refused", "Failed", reason, seconds=BUILD_SECONDS)
    assert words in message


def test_a_build_that_hangs_ends_with_the_images_deadline(
    namespace: conftest.Namespace, index: package_index.Index
) -> None:
    namespace.apply("hangs", job(index.url, "hangs", image={"deadlineSeconds": 40}))
    message = namespace.told("hangs", "Failed", "BuildDeadlineExceeded", seconds=BUILD_SECONDS)
    assert "building hangs==1.0" in message
