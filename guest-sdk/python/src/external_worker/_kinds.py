"""From an annotation to a type of FuncNodes, as `json.dumps` takes it."""

from __future__ import annotations

import collections.abc as abc
import enum
import types
import typing
from typing import Any

from ._arrays import NdArray
from ._media import Media

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "<missing>", "__bool__": lambda self: False})()
"""Stands for what was not given, where None is a value."""

_LISTS = (list, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_DICTS = (dict, abc.Mapping, abc.MutableMapping)


def type_json(annotation: Any) -> Any:
    """The type of an annotation: a name, or an object such as `{"type": "array", …}`."""
    if annotation is MISSING or annotation in (Any, object):
        return "Any"
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, typing.TypeVar):
        return "Any"
    if isinstance(annotation, getattr(typing, "TypeAliasType", ())):
        return type_json(annotation.__value__)
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _parametrised(origin, typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enum([member.name for member in annotation], [member.value for member in annotation])
    return _plain(annotation)


def _parametrised(origin: Any, args: tuple[Any, ...]) -> Any:
    first = args[0] if args else MISSING
    if origin is typing.Annotated:
        return type_json(first)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [type_json(arg) for arg in args]}
    if origin is typing.Literal:
        return _enum([str(arg) for arg in args], list(args))
    if origin in _LISTS:
        return {"type": "array", "uniqueItems": False, "items": type_json(first)}
    if origin in _SETS:
        return {"type": "array", "uniqueItems": True, "items": type_json(first)}
    if origin in _DICTS:
        values = args[1] if len(args) > 1 else MISSING
        return {"type": "object", "keys": type_json(first), "values": type_json(values)}
    if origin is tuple:
        return {"allOf": [type_json(arg) for arg in args if arg is not ...]}
    if origin is type:
        return {"type": "type", "value": type_json(first)}
    return type_json(origin)


def _plain(annotation: Any) -> str:
    name = getattr(annotation, "__name__", "Any")
    if annotation is NdArray or name == "ndarray":
        return "ndarray"
    if annotation in (bytearray, memoryview):
        return "bytes"
    if annotation is Media:
        return "media"
    return name


def _enum(keys: list[Any], values: list[Any]) -> dict[str, Any]:
    return {"type": "enum", "keys": keys, "values": values, "nullable": False}


def value_options(kind: Any) -> dict[str, Any]:
    """What a form needs to know of a value of this type."""
    if kind == "int":
        return {"step": 1}
    if isinstance(kind, dict) and kind.get("type") == "enum":
        return {"options": kind}
    return {}


def options_json(options: dict[str, Any]) -> dict[str, Any]:
    """Value options with an enumeration in the place of its class."""
    chosen = options.get("options")
    if isinstance(chosen, type) and issubclass(chosen, enum.Enum):
        return {**options, "options": type_json(chosen)}
    if isinstance(chosen, (tuple, set, frozenset)):
        return {**options, "options": list(chosen)}
    return options
