"""Values across the border, both ways."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import pathlib
import typing
import uuid
from typing import Any

from wit_world.imports import types

from .._arrays import FORMATS, NdArray, is_buffer
from .._kinds import MISSING
from .._media import Media

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_TEXTS = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath)


def to_wit(value: Any) -> Any:
    """A value of Python as one of the contract."""
    match value:
        case None:
            return types.Value_None_()
        case enum.Enum():
            return to_wit(value.value)
        case bool():
            return types.Value_Boolean(value)
        case int():
            return types.Value_Integer(int(value)) if _LEAST <= value <= _MOST else types.Value_Json(str(value))
        case float():
            return types.Value_Number(float(value))
        case str():
            return types.Value_Text(str(value))
        case bytes() | bytearray():
            return types.Value_Bytes(bytes(value))
        case Media():
            return types.Value_Media(types.Media(value.media_type, bytes(value.data)))
        case NdArray():
            return _array(value)
    if is_buffer(value):
        return _array(NdArray(value))
    if isinstance(value, _TEXTS):
        return types.Value_Text(plain(value))
    return types.Value_Json(to_json(value))


def _array(value: NdArray) -> Any:
    dtype = getattr(types.Dtype, value.dtype.upper())
    return types.Value_Array(types.Ndarray(dtype, list(value.shape), bytes(value.memory)))


def to_json(value: Any) -> str:
    """What is neither a number nor a text, as JSON."""
    try:
        return json.dumps(value, default=plain, allow_nan=False)
    except RecursionError:
        raise ValueError("the value is nested too deeply, or contains itself") from None


def plain(value: Any) -> Any:
    """What JSON has in the place of a value that it cannot say."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, NdArray):
        return value.tolist()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, _TEXTS):
        return str(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise TypeError(f"a {type(value).__name__} cannot be the value of a node")


def from_wit(value: Any, annotation: Any = MISSING) -> Any:
    """A value of the contract as one of Python, as close to the annotation as it is."""
    if isinstance(value, types.Value_None_):
        return None
    given = value.value
    match value:
        case types.Value_Json():
            given = _loads(given)
        case types.Value_Array():
            code = given.dtype.name.lower()
            return NdArray(given.data, code, tuple(given.shape))
        case types.Value_Media():
            return Media(given.media_type, given.data)
    return _as(given, annotation)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None


def _as(value: Any, annotation: Any) -> Any:
    """A plain value in the form that the annotation asks for, where it is not in doubt."""
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Annotated:
        return _as(value, typing.get_args(annotation)[0])
    if origin in (set, frozenset, tuple) and isinstance(value, list):
        return origin(value)
    if not isinstance(origin, type):
        return value
    if issubclass(origin, enum.Enum):
        return _member(origin, value)
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hasattr(origin, "model_validate") and isinstance(value, dict):
        return origin.model_validate(value)
    return value


def _member(kind: type[enum.Enum], value: Any) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        raise


assert {member.name.lower() for member in types.Dtype} == set(FORMATS)
