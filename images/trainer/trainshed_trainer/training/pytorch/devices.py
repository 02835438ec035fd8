"""Which device trains, in what precision, and whether the model is compiled for it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pathlib
import shutil
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from trainshed_trainer import errors, heap, schema
from trainshed_trainer.training import precisions

TYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
COMPILERS = ("g++", "clang++", "c++")


@dataclass(frozen=True, slots=True)
class Device:
    """A device and the type that its matrix products are computed in."""

    device: torch.device
    dtype: torch.dtype
    name: str

    @property
    def is_gpu(self) -> bool:
        """Whether work on the device goes on while the host does something else."""
        return bool(self.device.type == "cuda")

    def casting(self) -> contextlib.AbstractContextManager[object]:
        """Return what has products computed in the type, and the rest in full precision."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        found: contextlib.AbstractContextManager[object]
        found = torch.autocast(self.device.type, dtype=self.dtype)
        return found

    def scaler(self) -> torch.amp.GradScaler | None:
        """Return what keeps small gradients from becoming 0; only float16 needs it."""
        if self.dtype is not torch.float16:
            return None
        return torch.amp.GradScaler(self.device.type)


def choose(asked: schema.Training, *, local: int) -> Device:
    """Return the GPU of this process, or the CPU where there is none."""
    if not torch.cuda.is_available():
        heap.keep()
        chosen = "fp32" if asked.precision == "auto" else asked.precision
        return Device(torch.device("cpu"), TYPES[chosen], "cpu")
    device = torch.device("cuda", local % torch.cuda.device_count())
    torch.cuda.set_device(device)
    # Inputs keep their size, so the fastest convolution found is the fastest for all steps.
    torch.backends.cudnn.benchmark = True
    precision = precisions.of_gpu(asked.precision, bf16=torch.cuda.is_bf16_supported())
    return Device(device, TYPES[precision], torch.cuda.get_device_name(device))


def compiled(model: nn.Module, asked: str, device: Device) -> nn.Module:
    """Return the model compiled where that is asked for: nowhere has it been measured to help."""
    if asked != "always":
        return model
    if missing := _missing(device):
        raise errors.ConfigurationError(
            f"training.compile is always, but the image has no {', no '.join(missing)}: set it to"
            " auto, or train from an image that has them",
            reason="CompilerMissing",
        )
    found: nn.Module = torch.compile(model)
    return found


def _missing(device: Device) -> list[str]:
    """Return what torch.compile needs on the device and does not find, by Debian's names."""
    named = os.environ.get("CXX", "")
    includes = pathlib.Path(torch.__file__).parent / "include"
    found = {
        "C++ compiler (g++)": any(shutil.which(each) for each in (named, *COMPILERS) if each),
        "headers of Python (python3-dev)": _holds(sysconfig.get_path("include"), "Python.h"),
        "headers of PyTorch (libtorch-dev)": _holds(includes, "ATen/ATen.h"),
        "setuptools (python3-setuptools)": _importable("setuptools.command.build_ext"),
        "Triton": not device.is_gpu or _importable("triton"),
    }
    return [name for name, there in found.items() if not there]


def _holds(folder: str | os.PathLike[str], name: str) -> bool:
    return pathlib.Path(folder, name).is_file()


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its package is not there
        return False
