"""Reads the spec of a built-in run into typed values; what is not known is refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trainshed_trainer import errors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CnnParams:
    """Parameters of the model `cnn`."""

    channels: tuple[int, ...] = (32, 64)
    hidden: int = 128
    kernel: int = 3
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """The model and its parameters."""

    name: str = "cnn"
    params: CnnParams = field(default_factory=CnnParams)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Preparation of each input. `resize`: height and width in pixels."""

    resize: tuple[int, ...] | None = None
    normalize: str = "standard"


@dataclass(frozen=True, slots=True)
class Split:
    """Division of the data. `validation`: the share that is held out."""

    validation: float = 0.2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Data:
    """The data set."""

    name: str = "digits"
    preprocess: Preprocess = field(default_factory=Preprocess)
    split: Split = field(default_factory=Split)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimiser and the course of its learning rate."""

    name: str = "adamw"
    learning_rate: float = 0.001
    weight_decay: float = 0.01
    schedule: str = "constant"
    warmup_steps: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss."""

    name: str = "crossEntropy"
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class Training:
    """Length, batch, optimiser, loss and seed. Either epochs or max_steps is set."""

    epochs: int | None = None
    max_steps: int | None = None
    batch_size: int = 64
    optimizer: Optimizer = field(default_factory=Optimizer)
    loss: Loss = field(default_factory=Loss)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Spec:
    """A built-in run."""

    framework: str = "pytorch"
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    training: Training = field(default_factory=Training)


def read(document: Mapping[str, Any]) -> Spec:
    """Return the spec in a camelCase document; raises ConfigurationError."""
    return _read(Spec, document, "spec")


def _read(kind: type[T], document: Any, where: str) -> T:
    if not isinstance(document, Mapping):
        raise _invalid(f"{where} must be an object")
    hints = typing.get_type_hints(kind)
    fields = {_camel(each.name): each.name for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(document) - set(fields))
    if unknown:
        raise _invalid(f"{where} has unknown fields: {', '.join(unknown)}")
    values = {
        fields[key]: _value(hints[fields[key]], value, f"{where}.{key}")
        for key, value in document.items()
    }
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(each for each in typing.get_args(hint) if each is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return _read(typing.cast(type[Any], hint), value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise _invalid(f"{where} must be a list")
        return tuple(_value(typing.get_args(hint)[0], each, where) for each in value)
    sound = isinstance(value, hint) or (hint is float and isinstance(value, int))
    if not sound or isinstance(value, bool):
        raise _invalid(f"{where} must be {hint.__name__}, not {value!r}")
    return hint(value)


def _invalid(message: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(f"{message}: mend it and start anew", reason="InvalidSpec")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
