"""Runs inside the pytorch-devel image: an operator of PyTorch's C++ is compiled, and called."""

import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import torch

SETUP = """\
from setuptools import setup
from torch.utils import cpp_extension
setup(
    name="twice",
    ext_modules=[cpp_extension.CppExtension("twice", ["twice.cpp"])],
    cmdclass={"build_ext": cpp_extension.BuildExtension},
)
"""
CODE = """\
#include <torch/extension.h>
torch::Tensor twice(const torch::Tensor& given) { return given * 2; }
PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) { module.def("twice", &twice); }
"""
BUILD = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")


def main() -> None:
    """Say what was found."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        (tree / "setup.py").write_text(SETUP, "utf-8")
        (tree / "twice.cpp").write_text(CODE, "utf-8")
        out = tree / "out"
        command = [sys.executable, *BUILD, "--wheel-dir", str(out), "."]
        subprocess.run(command, check=True, cwd=tree, env={**os.environ, "HOME": folder})
        (wheel,) = out.glob("*.whl")
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(tree / "made")
        sys.path.insert(0, str(tree / "made"))
        import twice  # type: ignore[import-not-found]

        assert twice.twice(torch.ones(2)).tolist() == [2.0, 2.0]
    sys.stdout.write(f"pytorch-devel: {wheel.name}\n")


main()
