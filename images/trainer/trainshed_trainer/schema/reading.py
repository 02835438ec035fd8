"""Reads a JSON document into frozen dataclasses. It knows no field by name.

A dataclass may have `conflict()`: what its fields are not together, as the end of a sentence that
begins with its place; nothing where all is well.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from trainshed_trainer import errors, limits

T = TypeVar("T")


def read(kind: type[T], document: Any, where: str) -> T:
    """Return the document as a dataclass; raises ConfigurationError, which names the place."""
    if not isinstance(document, Mapping):
        raise invalid(f"{where} must be an object")
    fields = {camel(each.name): each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in document if key not in fields)
    if unknown:
        raise invalid(f"{where} has unknown fields: {', '.join(unknown)}")
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, known in fields.items():
        hint = limits.kind_of(known, values) or hints[known.name]
        if key in document:
            values[known.name] = _sound(known, hint, document[key], f"{where}.{key}")
        elif limits.kind_of(known, values) is not None:
            values[known.name] = hint()
        elif limits.required(known):
            raise invalid(f"{where} must have {key}")
    found = kind(**values)
    if (said := getattr(found, "conflict", str)()) != "":
        raise invalid(f"{where}{said}")
    return found


def invalid(message: str) -> errors.ConfigurationError:
    """Return the error for a spec that says what can't be done."""
    return errors.ConfigurationError(f"{message}: mend it and start anew", reason="InvalidSpec")


def _sound(known: dataclasses.Field[Any], hint: Any, given: Any, where: str) -> Any:
    value = _value(hint, given, where)
    if wrong := limits.broken(known, value):
        raise invalid(f"{where} must be {wrong}, not {given!r:.100}")
    return value


def _value(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(each for each in typing.get_args(hint) if each is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return read(typing.cast(type[Any], hint), value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise invalid(f"{where} must be a list")
        return tuple(_value(typing.get_args(hint)[0], each, where) for each in value)
    sound = isinstance(value, hint) or (hint is float and isinstance(value, int))
    if not sound or (isinstance(value, bool) and hint is not bool):
        raise invalid(f"{where} must be {hint.__name__}, not {value!r:.100}")
    try:
        return hint(value)
    except OverflowError:
        raise invalid(f"{where} is too large") from None


def camel(name: str) -> str:
    """Return a field's name as documents have it."""
    # `from` is no name that Python takes: the field is `from_`.
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)
