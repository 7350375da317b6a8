"""A plain value in the form that an annotation asks for, where that is not in doubt. What does not fit stays as it is:
types are not enforced, the function says what is wrong. An enumeration and a model do say it.
"""

from __future__ import annotations

import collections.abc as abc
import datetime
import decimal
import enum
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

from ._arrays import NdArray
from ._media import Media

_SETS = {set: set, frozenset: frozenset, abc.Set: set, abc.MutableSet: set}
_LISTS = (list, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence)
_DICTS = (dict, abc.Mapping, abc.MutableMapping)
_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
    pathlib.Path: pathlib.Path,
    pathlib.PurePath: pathlib.PurePath,
}
# Of these there is nothing to do.
_AS_THEY_ARE = {bool, str, bytes, dict, list, object, Any, NdArray, Media}


def as_annotated(value: Any, annotation: Any) -> Any:
    """The value as `annotation` has it."""
    if annotation.__class__ is type and annotation in _AS_THEY_ARE and not isinstance(value, (NdArray, Media)):
        return value
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return as_annotated(value, typing.get_args(annotation)[0])
    if origin is typing.Union or origin is types.UnionType:
        return _one_of(value, typing.get_args(annotation))
    if origin is typing.Literal or not isinstance(origin or annotation, type):
        return value
    if isinstance(value, (list, tuple)):
        return _list(value, origin or annotation, typing.get_args(annotation))
    if isinstance(value, dict):
        return _dict(value, origin or annotation, typing.get_args(annotation))
    return _single(value, origin or annotation)


def _one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    """As the first kind that it is, else as the first that it can be made."""
    if any(isinstance(kind, type) and type(value) is kind for kind in kinds):
        return value
    for kind in kinds:
        try:
            made = as_annotated(value, kind)
        except (ValueError, TypeError):
            continue
        if made is not value:
            return made
    return value


def _list(value: Any, kind: type, args: tuple[Any, ...]) -> Any:
    if kind is tuple:
        if len(args) == 2 and args[1] is ...:
            return tuple(as_annotated(one, args[0]) for one in value)
        if len(args) == len(value):
            return tuple(as_annotated(one, arg) for one, arg in zip(value, args))
        return tuple(value)
    each = [as_annotated(one, args[0]) for one in value] if args else value
    if kind in _SETS:
        return _SETS[kind](each)
    return each if kind in _LISTS else value


def _dict(value: dict[str, Any], kind: type, args: tuple[Any, ...]) -> Any:
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    if hasattr(kind, "__dataclass_fields__"):
        hints = typing.get_type_hints(kind)
        return kind(**{name: as_annotated(one, hints.get(name)) for name, one in value.items()})
    if kind in _DICTS and len(args) == 2:
        return {_key(name, args[0]): as_annotated(one, args[1]) for name, one in value.items()}
    return value


def _key(name: str, kind: Any) -> Any:
    """JSON has texts as keys only."""
    if kind in (int, float):
        try:
            return kind(name)
        except ValueError:
            return name
    return as_annotated(name, kind)


def _single(value: Any, kind: type) -> Any:
    if issubclass(kind, enum.Enum):
        return _member(kind, value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, NdArray) and kind in _LISTS:
        return value.tolist()
    if isinstance(value, Media) and kind is bytes:
        return value.data
    if kind is bytearray and isinstance(value, bytes):
        return bytearray(value)
    if kind is datetime.timedelta and isinstance(value, (int, float)):
        return datetime.timedelta(seconds=value)
    if isinstance(value, str) and kind in _FROM_TEXT:
        return _FROM_TEXT[kind](value)
    return value


def _member(kind: type[enum.Enum], value: Any) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        raise
