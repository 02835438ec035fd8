"""Reads the spec of a built-in run into typed values; what is not known is refused."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trainshed_trainer import errors, limits

T = TypeVar("T")
LARGEST_SEED = 2**31 - 1
limited, one_of = limits.limited, limits.one_of


@dataclass(frozen=True, slots=True)
class CnnParams:
    """Parameters of the model `cnn`."""

    channels: tuple[int, ...] = limited((32, 64), at_least=1, at_most=2048)
    hidden: int = limited(128, at_least=1, at_most=16384)
    kernel: int = limited(3, at_least=1, at_most=11)
    dropout: float = limited(0.0, at_least=0, below=1)


@dataclass(frozen=True, slots=True)
class Model:
    """The model and its parameters."""

    name: str = one_of("cnn")
    params: CnnParams = field(default_factory=CnnParams)


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Preparation of each input. `resize`: height and width in pixels."""

    resize: tuple[int, ...] | None = limited(None, at_least=4, at_most=1024, entries=2)
    normalize: str = one_of("standard", "none")


@dataclass(frozen=True, slots=True)
class Split:
    """Division of the data. `validation`: the share that is held out."""

    validation: float = limited(0.2, above=0, below=1)
    seed: int = limited(0, at_least=0, at_most=LARGEST_SEED)


@dataclass(frozen=True, slots=True)
class Data:
    """The data set."""

    name: str = one_of("digits")
    preprocess: Preprocess = field(default_factory=Preprocess)
    split: Split = field(default_factory=Split)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """The optimiser and the course of its learning rate."""

    name: str = one_of("adamw", "adam", "sgd")
    learning_rate: float = limited(0.001, above=0, at_most=10)
    weight_decay: float = limited(0.01, at_least=0, at_most=1)
    schedule: str = one_of("constant", "linear", "cosine")
    warmup_steps: int = limited(0, at_least=0, at_most=1_000_000)


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss."""

    name: str = one_of("crossEntropy")
    label_smoothing: float = limited(0.0, at_least=0, below=1)


@dataclass(frozen=True, slots=True)
class Training:
    """Length, batch, optimiser, loss and seed. Either epochs or max_steps is set."""

    epochs: int | None = limited(None, at_least=1, at_most=1_000_000)
    max_steps: int | None = limited(None, at_least=1, at_most=1_000_000_000)
    batch_size: int = limited(64, at_least=1, at_most=1_048_576)
    optimizer: Optimizer = field(default_factory=Optimizer)
    loss: Loss = field(default_factory=Loss)
    seed: int = limited(0, at_least=0, at_most=LARGEST_SEED)


@dataclass(frozen=True, slots=True)
class Spec:
    """A built-in run."""

    framework: str = one_of("pytorch")
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
    fields = {_camel(each.name): each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in document if key not in fields)
    if unknown:
        raise _invalid(f"{where} has unknown fields: {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for key, given in document.items():
        known, place = fields[key], f"{where}.{key}"
        values[known.name] = value = _value(hints[known.name], given, place)
        if wrong := limits.broken(known, value):
            raise _invalid(f"{place} must be {wrong}, not {given!r:.100}")
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
        raise _invalid(f"{where} must be {hint.__name__}, not {value!r:.100}")
    try:
        return hint(value)
    except OverflowError:
        raise _invalid(f"{where} is too large") from None


def _invalid(message: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(f"{message}: mend it and start anew", reason="InvalidSpec")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
