"""Extensions of a job's own code: compiled in the build pod, called by the training, or refused."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from tests.e2e import conftest

BUILD_SECONDS = 300.0
SETUP = """\
from setuptools import Extension, setup
from torch.utils import cpp_extension
setup(
    name="fast",
    version="1.5",
    packages=["fast"],
    ext_modules=[
        cpp_extension.CppExtension("fast._kernels", ["kernels.cpp"]),
        Extension("plain", ["plain.c"]),
    ],
    cmdclass={"build_ext": cpp_extension.BuildExtension},
)
"""
KERNELS = """\
#include <torch/extension.h>
torch::Tensor axpy(double factor, const torch::Tensor& x, const torch::Tensor& y) {
  TORCH_CHECK(x.sizes() == y.sizes(), "x and y differ in shape");
  return x * factor + y;
}
PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) { module.def("axpy", &axpy); }
"""
PLAIN = """\
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "plain"};
PyMODINIT_FUNC PyInit_plain(void) { return PyModule_Create(&module); }
"""
TRAIN = """\
import os, pathlib, shutil
import torch
import plain
from fast import _kernels

assert not pathlib.Path("/var/run/secrets/kubernetes.io").exists()
made = _kernels.axpy(3.0, torch.ones(4), torch.arange(4.0))
print(f"axpy gives {made.tolist()} in {_kernels.__file__}")
print(f"plain is in {plain.__file__}, compilers: {shutil.which('g++')}")
"""
TREE = {
    "setup.py": SETUP,
    "kernels.cpp": KERNELS,
    "plain.c": PLAIN,
    "fast/__init__.py": '"""Kernels."""\n',
    "train.py": TRAIN,
}


def job(tree: dict[str, str], *, framework: str = "pytorch", **source: Any) -> Any:
    """Return the spec of a job whose source is compiled."""
    return {
        "framework": framework,
        "source": {"inline": {"files": tree}, "compile": True, **source},
    }


def said(namespace: conftest.Namespace, name: str) -> str:
    """Return what the pod of a job has said."""
    pod = next(
        each
        for each in namespace.api.get(namespace.pods)["items"]
        if each["metadata"]["labels"].get("trainshed.dev/job") == name
    )
    return str(namespace.api.http.get(f"{namespace.pods}/{pod['metadata']['name']}/log").text)


def test_an_operator_in_cpp_is_compiled_and_called_by_the_training(
    namespace: conftest.Namespace,
) -> None:
    namespace.apply("axpy", job(TREE))
    status = namespace.finished("axpy", seconds=BUILD_SECONDS)

    assert status["phase"] == "Succeeded", status
    log = said(namespace, "axpy")
    assert "axpy gives [3.0, 4.0, 5.0, 6.0] in /app/fast/_kernels." in log
    assert re.search(r"plain is in /opt/trainshed/packages/plain\.\S+, compilers: None", log)
    assert status["image"].get("lockHash") is None

    namespace.apply("again", job(TREE))
    again = namespace.finished("again", seconds=BUILD_SECONDS)
    assert (again["image"]["ref"], again["image"]["cacheHit"]) == (status["image"]["ref"], True)
    chosen = {"labelSelector": "trainshed.dev/component=builder"}
    assert len(namespace.api.get(namespace.workloads, **chosen)["items"]) == 1


def test_no_container_that_runs_the_sources_build_has_a_secret_or_a_token(
    namespace: conftest.Namespace,
) -> None:
    look = textwrap.dedent("""\
        import os, pathlib, sys
        found = [each for each in ("/etc/trainshed", "/var/run/secrets") if os.path.exists(each)]
        sys.exit(f"error: found {found} as {os.getuid()} with {os.access('/usr', os.W_OK)}")
        """)
    namespace.apply("looks", job({"setup.py": look, "train.py": ""}))
    message = namespace.told("looks", "Failed", "CompileFailed", seconds=BUILD_SECONDS)

    assert "error: found [] as 65532 with False" in message


def test_cpp_that_does_not_compile_ends_the_job_with_the_compilers_line(
    namespace: conftest.Namespace,
) -> None:
    broken = KERNELS.replace("x * factor + y", "x * factor + z")
    namespace.apply("broken", job({**TREE, "kernels.cpp": broken}))
    message = namespace.told("broken", "Failed", "CompileFailed", seconds=BUILD_SECONDS)

    assert "kernels.cpp:4:" in message
    assert "error: 'z' was not declared in this scope" in message


def test_a_framework_without_a_development_image_is_refused_at_once(
    namespace: conftest.Namespace,
) -> None:
    namespace.apply("nowhere", job(TREE, framework="tensorflow"))
    message = namespace.told("nowhere", "Failed", "DevelImageMissing", seconds=10)

    assert "images.devel.tensorflow" in message
