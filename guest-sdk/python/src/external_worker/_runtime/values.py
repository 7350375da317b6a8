"""Values across the border, both ways."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections.abc import Callable
from typing import Any

from wit_world.imports import types

from .._arrays import FORMATS, NdArray, is_buffer
from .._coerce import as_annotated
from .._kinds import MISSING
from .._media import Media

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
# Deeper JSON is refused: the encoder would use up the stack of the component, which nothing survives.
_MOST_LEVELS = 300
_TOO_DEEP = "the value is nested too deeply, or contains itself"
_CONTAINERS = (list, dict, tuple)
_TEXTS = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, pathlib.PurePath)


def text(given: str) -> str:
    """A text that can leave: one with half of a pair of surrogates cannot."""
    if given.isascii():
        return given if type(given) is str else str.__str__(given)
    return given.encode("utf-8", "replace").decode()


# What most calls return, without asking what else it could be.
_USUAL: dict[type, Callable[[Any], Any]] = {
    bool: types.Value_Boolean,
    float: types.Value_Number,
    str: lambda value: types.Value_Text(value if value.isascii() else text(value)),
    bytes: types.Value_Bytes,
}


def to_wit(value: Any) -> Any:
    """A value of Python as one of the contract."""
    usual = _USUAL.get(type(value))
    if usual is not None:
        return usual(value)
    match value:
        case None:
            return types.Value_None_()
        case enum.Enum():
            return to_wit(value.value)
        case int():
            whole = int(value)
            return types.Value_Integer(whole) if _LEAST <= whole <= _MOST else types.Value_Json(_digits(whole))
        case float():
            return types.Value_Number(float(value))
        case str():
            return types.Value_Text(text(value))
        case bytes() | bytearray():
            return types.Value_Bytes(bytes(value))
        case Media():
            return types.Value_Media(types.Media(text(value.media_type), bytes(value.data)))
        case NdArray():
            return _array(value)
    if is_buffer(value):
        return _array(NdArray(value))
    if isinstance(value, _TEXTS):
        return to_wit(plain(value))
    return types.Value_Json(to_json(value))


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise ValueError("the number has too many digits for the value of a node") from None


def _array(value: NdArray) -> Any:
    dtype = getattr(types.Dtype, value.dtype.upper())
    return types.Value_Array(types.Ndarray(dtype, list(value.shape), bytes(value.memory)))


def to_json(value: Any) -> str:
    """What is neither a number nor a text, as JSON."""
    _check_depth(value)
    try:
        return text(json.dumps(value, default=plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except ValueError as problem:
        if "JSON compliant" in str(problem):
            raise ValueError("the value has nan or an infinity in it, which JSON cannot say") from None
        raise
    except TypeError as problem:
        raise TypeError(f"it is not what JSON can say: {problem}") from None


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(_MOST_LEVELS):
        if not level:
            return
        insides = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [inner for inside in insides for inner in inside if isinstance(inner, _CONTAINERS)]
    raise ValueError(_TOO_DEEP)


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
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if is_buffer(value):
        return NdArray(value).tolist()
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        return dict(value)
    if hasattr(value, "__iter__") and hasattr(value, "__len__") and not isinstance(value, (bytes, bytearray)):
        return list(value)
    raise TypeError(f"JSON has nothing for a {type(value).__name__}")


def from_wit(value: Any, annotation: Any = MISSING) -> Any:
    """A value of the contract as one of Python, as close to the annotation as it is."""
    match value:
        case types.Value_None_():
            return None
        case types.Value_Array():
            given = value.value
            made = NdArray(given.data, given.dtype.name.lower(), tuple(given.shape))
            return as_annotated(made, annotation)
        case types.Value_Media():
            return as_annotated(Media(value.value.media_type, value.value.data), annotation)
        case types.Value_Json():
            return as_annotated(_loads(value.value), annotation)
    return value.value if annotation is MISSING else as_annotated(value.value, annotation)


def _loads(given: str) -> Any:
    try:
        return json.loads(given)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


assert {member.name.lower() for member in types.Dtype} == set(FORMATS)
