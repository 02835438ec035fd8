"""Writes and reads a PyTorch model as TorchScript and as ONNX."""

from __future__ import annotations

import copy
import pathlib
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainshed_trainer import schema
from trainshed_trainer.data import preparing
from trainshed_trainer.exporting import contract, timing
from trainshed_trainer.training.pytorch import backend

TORCHSCRIPT = "model.pt"
TRACED = 2
"""Samples of the input by which a graph is recorded: one would be taken for a constant."""
Array = NDArray[np.float32]


class Served(nn.Module):  # type: ignore[misc]
    """The model with the normalisation of its inputs before it."""

    def __init__(self, model: nn.Module, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes) for pixels as the data set has them."""
        return self.model((inputs - self.mean) / self.deviation)


class Exporter:
    """A trained model, on the CPU and in full precision."""

    def __init__(
        self, spec: schema.Spec, prepared: preparing.Prepared, trained: backend.Backend
    ) -> None:
        self._model = copy.deepcopy(trained.model).cpu().float().eval()
        self._served = self._model
        if (found := prepared.statistics) is not None:
            constants = (torch.from_numpy(each) for each in (found.mean, found.deviation))
            self._served = Served(self._model, *constants).eval()
        shape = prepared.held.shape
        self.contract = contract.Contract(shape, "NCHW" if len(shape) == 3 else "NTCHW")
        self._example = torch.rand(TRACED, *shape)

    def native(self, inputs: Array) -> Array:
        """Return inputs (n, *shape) in the framework's order."""
        return inputs

    def trained(self, inputs: Array) -> Array:
        """Return the trained model's logits for inputs that are normalised."""
        return _answer(self._model, inputs)

    def write(self, name: str, folder: pathlib.Path) -> None:
        """Write a format into a folder."""
        with torch.no_grad(), warnings.catch_warnings():
            # They warn of what may go wrong with other batch sizes: those are compared after.
            warnings.simplefilter("ignore")
            WRITERS[name](self._served, self._example, folder)

    def read(self, name: str, folder: pathlib.Path) -> timing.Answer:
        """Return what answers by the file of a format."""
        if name == "torchscript":
            loaded = torch.jit.load(str(folder / TORCHSCRIPT))
            return lambda inputs: _answer(loaded, inputs)
        from trainshed_trainer.exporting import onnx

        return onnx.read(folder)


def _torchscript(model: nn.Module, example: torch.Tensor, folder: pathlib.Path) -> None:
    traced = torch.jit.trace(model, example, check_trace=False)
    torch.jit.freeze(traced).save(str(folder / TORCHSCRIPT))


def _onnx(model: nn.Module, example: torch.Tensor, folder: pathlib.Path) -> None:
    from trainshed_trainer.exporting import onnx

    torch.onnx.export(
        model,
        (example,),
        str(folder / onnx.FILE),
        input_names=[contract.INPUTS],
        output_names=[contract.LOGITS],
        dynamic_axes={name: {0: "n"} for name in (contract.INPUTS, contract.LOGITS)},
        opset_version=onnx.OPSET,
        dynamo=False,  # the other exporter needs onnxscript
    )


def _answer(model: nn.Module, inputs: Array) -> Array:
    with torch.no_grad():
        found: Array = model(torch.from_numpy(inputs)).numpy()
    return found


WRITERS: Mapping[str, Callable[[nn.Module, torch.Tensor, pathlib.Path], None]] = {
    "torchscript": _torchscript,
    "onnx": _onnx,
}
